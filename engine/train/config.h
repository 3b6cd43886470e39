// The typed training configuration: TrainerConfig's training, label and loss settings and what docs/model.md
// adds.
#pragma once

#include <cstdint>
#include <optional>

#include "model/config.h"
#include "sample/sampler.h"

namespace rle {

// How predictions are computed: over sampled subgraphs as in training, or over full neighbourhoods.
enum class InferenceMode { kSampled, kExact };

// Largest values that a specification may ask for and a checkpoint may hold.
inline constexpr int64_t kMaxChannels = 4096;
inline constexpr int64_t kMaxLayers = 16;  // residual blocks, layers of message passing and of the head; hops
inline constexpr int64_t kMaxFanout = 1'000'000;
inline constexpr int64_t kMaxBatchRows = 65'536;
inline constexpr int64_t kMaxNegatives = 1'000'000;

enum class LrSchedule { kCosine, kConstant };

// Bounds on a regression's outputs at inference. `user_set`: asked for by the user, so always applied, with a
// warning that counts training labels outside; otherwise (the documented defaults) left off, with a warning,
// where labels lie outside.
struct Clamp {
  std::optional<double> minimum = 0, maximum = 100;
  bool user_set = false;
  // Preset relbench: the given percentiles of the training labels instead. Only (2, 98) is computed.
  bool use_percentiles = false;
};

// How negatives of a link task are drawn: each visible target alike, or in proportion to its visible links.
enum class NegativeSampling { kRandom, kDegreeBased };

struct TrainConfig {
  uint64_t seed = 42;
  int64_t n_epochs = 10;
  std::optional<int64_t> max_iters;  // batches per epoch at most
  int64_t train_batch_size = 128;
  int64_t val_batch_size = 128;
  int64_t eval_every = 1;  // epochs
  std::optional<int64_t> patience =
      5;  // evaluations without improvement before stopping; absent: no early stop
  double lr = 0.001;
  double weight_decay = 1e-4;  // coupled L2, as torch.optim.Adam
  LrSchedule lr_schedule = LrSchedule::kCosine;
  std::optional<int64_t> t_max;  // absent: n_epochs
  double eta_min = 1e-8;
  bool label_smoothing = false;
  double label_smoothing_alpha = 0.1;
  Clamp clamp;
  int64_t num_negative = 10;  // link_prediction: negatives a seed
  NegativeSampling negative_sampling = NegativeSampling::kRandom;
  ModelConfig model;
  SamplerConfig sampler;
};

}  // namespace rle
