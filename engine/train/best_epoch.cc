#include "train/best_epoch.h"

#include <cmath>

namespace rle {

bool BestEpoch::observe(int64_t epoch, double value) {
  const double best = state_.value;
  const bool better = !state_.epoch || (std::isnan(best) && !std::isnan(value)) ||
                      (higher_is_better_ ? value > best : value < best);
  const bool equal = state_.epoch && (value == best || (std::isnan(value) && std::isnan(best)));
  state_.since_improvement = better ? 0 : state_.since_improvement + 1;
  if (!better && !equal) return false;
  state_.epoch = epoch;
  state_.value = value;
  return true;
}

}  // namespace rle
