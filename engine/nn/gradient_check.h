// For tests: written gradients against central differences of a forward pass in fp32.
//
// Entries are drawn at random. Where the differences over h and h/2 disagree, a ReLU or a maximum changed its
// branch between them: the entry is tried again with a smaller step, then left out. Most entries must remain.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "nn/parameter_store.h"

namespace rle {

class GradientCheck {
 public:
  // loss: the forward pass with whatever the checked values are now; of a size about one. Deterministic.
  explicit GradientCheck(std::function<double()> loss) : loss_(std::move(loss)) {}

  // d loss / d values[i] against gradients[i], for up to kEntries entries. By value: the forward pass may
  // clear the store's.
  void expect(const std::string& name, float* values, std::vector<float> gradients) {
    const float* gradient = gradients.data();
    const int64_t size = static_cast<int64_t>(gradients.size());
    double largest = 0;
    for (int64_t i = 0; i < size; ++i) largest = std::max(largest, std::abs(double{gradient[i]}));
    const double tolerance = kRelative * largest + kAbsolute;
    const Permutation order(static_cast<uint64_t>(size), RngKey(1).with(name));
    int tried = 0, smooth = 0;
    for (int64_t k = 0; k < size && smooth < kEntries; ++k, ++tried) {
      const int64_t i = static_cast<int64_t>(order.at(static_cast<uint64_t>(k)));
      const std::optional<double> slope = smooth_slope(values[i], tolerance);
      if (!slope) continue;
      ++smooth;
      EXPECT_NEAR(gradient[i], *slope, tolerance) << name << "[" << i << "]";
    }
    EXPECT_GE(2 * smooth, tried) << name << ": too many of the entries drawn lie at a kink";
    smooth_ += smooth;
    nonzero_ += largest > kAbsolute;
  }

  // Every trained parameter against the store's gradients.
  void expect_parameters(ParameterStore& parameters) {
    const std::vector<float> gradients = parameters.gradients();
    for (const ParameterStore::Entry& entry : parameters.entries())
      if (entry.trained)
        expect(entry.name, parameters.values().data() + entry.offset,
               {gradients.begin() + entry.offset, gradients.begin() + entry.offset + entry.size});
  }

  int checked_entries() const { return smooth_; }
  int tensors_with_gradient() const { return nonzero_; }

 private:
  static constexpr int kEntries = 12;
  static constexpr double kStep = 8e-3, kRelative = 3e-3, kAbsolute = 2e-4;

  double slope(float& value, double step) {
    const float kept = value;
    value = static_cast<float>(double{kept} + step);
    const double up = value, above = loss_();
    value = static_cast<float>(double{kept} - step);
    const double down = value, below = loss_();
    value = kept;
    return (above - below) / (up - down);
  }

  std::optional<double> smooth_slope(float& value, double tolerance) {
    for (double step : {kStep, kStep / 4}) {
      const double wide = slope(value, step), narrow = slope(value, step / 2);
      if (std::abs(wide - narrow) <= tolerance / 2) return narrow;
    }
    return std::nullopt;
  }

  std::function<double()> loss_;
  int smooth_ = 0, nonzero_ = 0;
};

}  // namespace rle
