#include "kernel/time_encoding.h"

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace rle {

std::vector<float> time_frequencies(int64_t width) {
  RLE_CHECK(width >= 2 && width % 2 == 0);
  std::vector<float> frequencies(static_cast<size_t>(width / 2));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    // torch.logspace(0, 1, half, base=1e-4): exponents by equal steps from 0 to 1
    const double exponent =
        frequencies.size() == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(frequencies.size() - 1);
    frequencies[i] = static_cast<float>(std::pow(1e-4, exponent));
  }
  return frequencies;
}

void encode_time_deltas(const int64_t* delta_s, int64_t n, const std::vector<float>& frequencies,
                        Matrix out) {
  const int64_t half = static_cast<int64_t>(frequencies.size());
  RLE_CHECK(out.rows == n && out.cols == 2 * half);
  for (int64_t r = 0; r < n; ++r) {
    const float days = static_cast<float>(delta_s[r]) / 86400.0f;
    float* sines = out.row(r);
    for (int64_t i = 0; i < half; ++i) {
      const float angle = days * frequencies[static_cast<size_t>(i)];
      sines[i] = std::sin(angle);
      sines[half + i] = std::cos(angle);
    }
  }
}

void encode_calendar(const float* parts, int64_t n, Matrix out) {
  RLE_CHECK(out.rows == n && out.cols == kCalendarFeatures);
  constexpr float kDivisors[kCalendarParts] = {1, 12, 31, 7, 24, 60, 60};
  constexpr float kPi = std::numbers::pi_v<float>;
  float year_factor[4];
  for (int i = 0; i < 4; ++i) year_factor[i] = static_cast<float>(std::pow(1.0 / 10000.0, 2.0 * i / 8.0));
  for (int64_t r = 0; r < n; ++r) {
    const float* part = parts + r * kCalendarParts;
    float* features = out.row(r);
    for (int i = 0; i < 4; ++i) {
      features[i] = std::sin(part[0] * year_factor[i]);
      features[4 + i] = std::cos(part[0] * year_factor[i]);
    }
    for (int64_t p = 1; p < kCalendarParts; ++p) {
      const float value = part[p] / kDivisors[p];
      for (int k = 1; k <= 4; ++k) {
        features[p * 8 + k - 1] = std::sin(value * static_cast<float>(k) * kPi);
        features[p * 8 + 4 + k - 1] = std::cos(value * static_cast<float>(k) * 2.0f * kPi);
      }
    }
  }
}

}  // namespace rle
