#include "task/ranking.h"

#include <algorithm>
#include <limits>

namespace rle {
namespace {

double ratio(int64_t numerator, int64_t denominator) {
  return denominator == 0 ? 0.0 : static_cast<double>(numerator) / static_cast<double>(denominator);
}

// Calls visit(positives, negatives) for each group of equal scores, best first.
template <typename Visit>
void for_each_threshold(const std::vector<RankedRow>& sorted, Visit visit) {
  for (size_t begin = 0, end = 0; begin < sorted.size(); begin = end) {
    int64_t positives = 0;
    while (end < sorted.size() && sorted[end].score == sorted[begin].score)
      positives += sorted[end++].positive;
    visit(positives, static_cast<int64_t>(end - begin) - positives);
  }
}

int64_t count_positives(const std::vector<RankedRow>& rows) {
  return std::count_if(rows.begin(), rows.end(), [](const RankedRow& row) { return row.positive; });
}

}  // namespace

void sort_by_score(std::vector<RankedRow>& rows) {
  std::sort(rows.begin(), rows.end(),
            [](const RankedRow& a, const RankedRow& b) { return a.score > b.score; });
}

double roc_auc(const std::vector<RankedRow>& sorted) {
  const int64_t positives = count_positives(sorted);
  const int64_t negatives = static_cast<int64_t>(sorted.size()) - positives;
  if (positives == 0 || negatives == 0) return std::numeric_limits<double>::quiet_NaN();
  double area = 0;  // in pairs
  int64_t above = 0;
  for_each_threshold(sorted, [&](int64_t tied_positives, int64_t tied_negatives) {
    area += static_cast<double>(tied_negatives) *
            (static_cast<double>(above) + 0.5 * static_cast<double>(tied_positives));
    above += tied_positives;
  });
  return area / static_cast<double>(positives) / static_cast<double>(negatives);
}

double average_precision(const std::vector<RankedRow>& sorted) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const int64_t positives = count_positives(sorted);
  double sum = 0;
  int64_t found = 0, decided = 0;
  for_each_threshold(sorted, [&](int64_t tied_positives, int64_t tied_negatives) {
    found += tied_positives;
    decided += tied_positives + tied_negatives;
    sum += ratio(tied_positives, positives) * ratio(found, decided);
  });
  return sum;
}

double DecisionCounts::precision() const { return ratio(true_positive, true_positive + false_positive); }
double DecisionCounts::recall() const { return ratio(true_positive, true_positive + false_negative); }
double DecisionCounts::f1() const {
  return ratio(2 * true_positive, 2 * true_positive + false_positive + false_negative);
}

}  // namespace rle
