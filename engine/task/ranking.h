// Metrics of scores that rank yes/no rows: each group of equal scores is one threshold. Internal to task/.
#pragma once

#include <cstdint>
#include <vector>

namespace rle {

struct RankedRow {
  double score = 0;
  bool positive = false;
};

// Sorted by falling score; groups of equal scores stand together.
void sort_by_score(std::vector<RankedRow>& rows);

// Area under the ROC curve, ties counted half. NaN where all rows are positive or all negative.
double roc_auc(const std::vector<RankedRow>& sorted);

// Sum over thresholds of (recall step) * precision; 0 without a positive row, NaN without a row.
double average_precision(const std::vector<RankedRow>& sorted);

// What decisions at a threshold came to.
struct DecisionCounts {
  int64_t true_positive = 0, false_positive = 0, false_negative = 0;

  void add(bool truth, bool decided) {
    true_positive += truth && decided;
    false_positive += !truth && decided;
    false_negative += truth && !decided;
  }
  // 0 where the denominator is 0.
  double precision() const;
  double recall() const;
  double f1() const;
};

}  // namespace rle
