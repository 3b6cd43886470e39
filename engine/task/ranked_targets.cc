#include "task/ranked_targets.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace rle {
namespace {

// Sums over rows.
struct LinkSums {
  int64_t rows = 0;
  double map = 0, precision = 0, recall = 0;
};

void add_row(const LabelTable& labels, const RankedTargets& ranked, size_t row, int64_t k, LinkSums& sums) {
  const auto first = labels.targets.begin() + labels.target_offsets[row];
  const auto last = labels.targets.begin() + labels.target_offsets[row + 1];
  const int64_t begin = ranked.offsets[row], shown = std::min(ranked.offsets[row + 1] - begin, k);
  const int64_t targets = labels.target_total[row];
  int64_t hits = 0;
  double precisions = 0;  // at the ranks of hits
  for (int64_t rank = 0; rank < shown; ++rank) {
    if (!std::binary_search(first, last, ranked.target[static_cast<size_t>(begin + rank)])) continue;
    ++hits;
    precisions += static_cast<double>(hits) / static_cast<double>(rank + 1);
  }
  ++sums.rows;
  sums.map += precisions / static_cast<double>(std::min(k, targets));
  sums.precision += static_cast<double>(hits) / static_cast<double>(k);
  sums.recall += static_cast<double>(hits) / static_cast<double>(targets);
}

}  // namespace

std::vector<MetricValue> compute_link_metrics(const LabelTable& labels, const RankedTargets& ranked,
                                              int64_t k) {
  RLE_CHECK(k > 0 && ranked.rows() == labels.rows);
  LinkSums sums;
  for (int64_t row = 0; labels.labelled && row < labels.rows; ++row) {
    const auto i = static_cast<size_t>(row);
    if (labels.has_label[i] != 0 && labels.target_total[i] > 0) add_row(labels, ranked, i, k, sums);
  }
  const double rows =
      sums.rows > 0 ? static_cast<double>(sums.rows) : std::numeric_limits<double>::quiet_NaN();
  return {{"link_prediction_map", sums.map / rows},
          {"link_prediction_precision", sums.precision / rows},
          {"link_prediction_recall", sums.recall / rows}};
}

}  // namespace rle
