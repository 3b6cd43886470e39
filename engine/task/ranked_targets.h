// What a model of a link task predicts: for each row of a label table its best targets. And how good they are
// (docs/model.md, metrics): as relbench's link metrics, at k = TaskSpec::eval_k.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "task/metrics.h"
#include "task/task.h"

namespace rle {

// Best first, at most k a row, fewer where fewer can be ranked. Equal scores stand in the order of their
// keys.
struct RankedTargets {
  std::vector<int64_t> offsets;  // (rows + 1)
  std::vector<NodeId> target;    // (links) nodes of the target table
  std::vector<float> score;      // (links)

  int64_t rows() const { return static_cast<int64_t>(offsets.size()) - 1; }
};

// Means over the rows that have a label and at least one target, as relbench (NaN without such a row):
//   link_prediction_map        mean of the precisions at the ranks of hits, over min(k, targets)
//   link_prediction_precision  hits over k
//   link_prediction_recall     hits over targets
// The default comes first. O(links log targets).
std::vector<MetricValue> compute_link_metrics(const LabelTable& labels, const RankedTargets& ranked,
                                              int64_t k);

}  // namespace rle
