// Which epoch was best on the validation metric, and when to stop waiting for a better one.
#pragma once

#include <cstdint>
#include <optional>

namespace rle {

class BestEpoch {
 public:
  // All that later answers depend on beside the settings.
  struct State {
    std::optional<int64_t> epoch;
    double value = 0;
    int64_t since_improvement = 0;
  };

  // patience: evaluations without a better value before `exhausted`; absent: never.
  BestEpoch(bool higher_is_better, std::optional<int64_t> patience)
      : higher_is_better_(higher_is_better), patience_(patience) {}

  // Whether this evaluation is the best so far. Among equal values the later epoch is; equal is no
  // improvement, so patience runs on. NaN (an undefined metric) is worse than any number.
  bool observe(int64_t epoch, double value);

  bool exhausted() const { return patience_ && state_.since_improvement >= *patience_; }
  std::optional<int64_t> epoch() const { return state_.epoch; }  // absent: nothing observed
  double value() const { return state_.value; }
  const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  bool higher_is_better_;
  std::optional<int64_t> patience_;
  State state_;
};

}  // namespace rle
