#include "train/best_epoch.h"

#include <cmath>

namespace rle {

bool BestEpoch::observe(int64_t epoch, double value) {
  const bool better = !epoch_ || (std::isnan(value_) && !std::isnan(value)) ||
                      (higher_is_better_ ? value > value_ : value < value_);
  const bool equal = epoch_ && (value == value_ || (std::isnan(value) && std::isnan(value_)));
  since_improvement_ = better ? 0 : since_improvement_ + 1;
  if (!better && !equal) return false;
  epoch_ = epoch;
  value_ = value;
  return true;
}

}  // namespace rle
