// What the tests against the public model share: the cases, and the measure. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "model/golden_fixture.h"

namespace rle {

// max|a - b| <= kGoldenTolerance max|b|, per tensor.
inline constexpr double kGoldenTolerance = 1e-4;

inline double largest(const std::vector<float>& values) {
  double most = 0;
  for (float v : values) most = std::max(most, std::fabs(double{v}));
  return most;
}

inline void expect_match(const std::string& what, const float* got, const std::vector<float>& want,
                         double scale) {
  double worst = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double difference = std::fabs(double{got[i]} - double{want[i]});
    worst = std::isnan(difference) ? difference : std::max(worst, difference);
    if (std::isnan(difference)) break;
  }
  EXPECT_LE(worst, kGoldenTolerance * scale)
      << what << ": largest difference " << worst << ", largest value " << largest(want);
}

// The names of the fixtures in testdata/, sorted.
inline std::vector<std::string> golden_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenFixture::folder()))
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace rle
