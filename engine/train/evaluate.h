// Scores of a label table's rows, and their metrics. A row's sampled subgraph depends on (seed, row) alone:
// the batch size changes no score beyond rounding, the number of threads no bit.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/cancel.h"
#include "base/thread_pool.h"
#include "model/relational_model.h"
#include "task/metrics.h"
#include "task/ranked_targets.h"
#include "train/config.h"
#include "train/dataset.h"
#include "train/outputs.h"

namespace rle {

// What scores are made of: (rows, channels), of a label table's rows. Links: also of the targets, each time
// of the rows with all that are visible then, in the order of their keys.
struct ScoredVectors {
  std::vector<float> rows, targets;
  std::vector<NodeId> target;           // (targets)
  std::vector<int64_t> target_time_us;  // (targets); none without times
};

struct ScoreOptions {
  InferenceMode inference = InferenceMode::kSampled;
  SamplerConfig sampler;
  OutputBounds bounds;
  uint64_t seed =
      42;  // of the training: the same samples for validation while training and for evaluation after
  int64_t batch_size = 128;
  const CancelToken* cancel = nullptr;                            // asked after every batch
  std::function<void(int64_t done, int64_t rows)> progress = {};  // called after every batch
  ScoredVectors* vectors = nullptr;                               // filled where it is given
};

// (labels.rows, outputs): probabilities (binary: of the positive class), or values within the bounds. Batches
// are neighbouring rows, so that they share times. Error{kInterrupted} on cancel; Error{kNumeric} where a
// score is not finite.
std::vector<double> score_rows(RelationalModel& model, const Dataset& dataset, const LabelTable& labels,
                               const ScoreOptions& options, ThreadPool& pool);

struct Evaluation {
  std::vector<double> score;         // of every row; links: none
  RankedTargets ranked;              // links
  std::vector<MetricValue> metrics;  // over the rows that have a label of a class that training saw
  int64_t rows = 0, left_out = 0;    // of the label table; without such a label
};

// Used by whatever scores rows: Error{kNumeric} where a module is named; progress, and Error{kInterrupted} on
// cancel.
void check_finite(const std::string& not_finite, const LabelTable& labels, int64_t begin, int64_t end);
void report_progress(const ScoreOptions& options, int64_t done, int64_t rows);

// Error{kSpec} where the label table has no labels.
Evaluation evaluate(RelationalModel& model, const Dataset& dataset, const LabelTable& labels,
                    const ScoreOptions& options, ThreadPool& pool);

}  // namespace rle
