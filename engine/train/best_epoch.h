// Which epoch was best on the validation metric, and when to stop waiting for a better one.
#pragma once

#include <cstdint>
#include <optional>

namespace rle {

class BestEpoch {
 public:
  // patience: evaluations without a better value before `exhausted`; absent: never.
  BestEpoch(bool higher_is_better, std::optional<int64_t> patience)
      : higher_is_better_(higher_is_better), patience_(patience) {}

  // Whether this evaluation is the best so far. Among equal values the later epoch is; equal is no
  // improvement, so patience runs on. NaN (an undefined metric) is worse than any number.
  bool observe(int64_t epoch, double value);

  bool exhausted() const { return patience_ && since_improvement_ >= *patience_; }
  std::optional<int64_t> epoch() const { return epoch_; }  // absent: nothing observed
  double value() const { return value_; }

 private:
  bool higher_is_better_;
  std::optional<int64_t> patience_, epoch_;
  double value_ = 0;
  int64_t since_improvement_ = 0;
};

}  // namespace rle
