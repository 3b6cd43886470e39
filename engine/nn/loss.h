// Losses: mean over the seeds of a batch, and the gradient with respect to the model's outputs
// (docs/model.md, losses).
#pragma once

#include <cstdint>

#include "nn/link_loss.h"

namespace rle {

enum class LossKind {
  kBinaryCrossEntropy,      // outputs (n, 1): logits; targets 0 or 1
  kMultilabelCrossEntropy,  // outputs (n, classes): logits; mean over n * classes
  kCrossEntropy,            // outputs (n, classes): logits; class ids
  kL1,                      // outputs (n, 1)
  kBpr,                     // two towers (nn/link_loss.h)
  kFusion,                  // likewise
};

inline constexpr float kNotCompared = -1;  // a binary target that has no part in the loss

struct LossTargets {
  const float* value = nullptr;       // (n) binary, regression
  const int32_t* class_id = nullptr;  // (n) multiclass
  const float* multi_hot = nullptr;   // (n, classes) multilabel
  LinkPairs pairs;                    // kBpr, kFusion
  double label_smoothing = 0.0;       // multiclass as usual; binary and multilabel: y (1 - a) + a / 2
};

// Returns the loss and writes d loss / d outputs. One pass, in order: the same bits with any number of
// threads. Not for kBpr and kFusion.
double loss_and_gradient(LossKind kind, int64_t n, int64_t outputs, const float* output,
                         const LossTargets& targets, float* gradient);

}  // namespace rle
