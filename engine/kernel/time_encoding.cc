#include "kernel/time_encoding.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kernel/time_encoding_simd.h"

namespace rle {
namespace {

void run_days(const float* days, int64_t n, const float* frequencies, int64_t half, float* out) {
  RLE_DISPATCH(encode_days(days, n, frequencies, half, out))
}

float days_of(int64_t delta_s) { return static_cast<float>(delta_s) / 86400.0f; }

}  // namespace

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
  RLE_CHECK(out.rows == n && out.cols == 2 * half && out.contiguous());
  constexpr int64_t kRows = 64;
  for (int64_t first = 0; first < n; first += kRows) {
    const int64_t rows = std::min(kRows, n - first);
    float days[kRows];
    bool all_near = true;
    for (int64_t r = 0; r < rows; ++r) {
      days[r] = days_of(delta_s[first + r]);
      all_near &= std::abs(days[r]) <= kMostDays;
    }
    if (all_near)
      run_days(days, rows, frequencies.data(), half, out.row(first));
    else
      encode_time_deltas_oracle(delta_s + first, rows, frequencies, out.slice(first, first + rows));
  }
}

void encode_time_deltas_oracle(const int64_t* delta_s, int64_t n, const std::vector<float>& frequencies,
                               Matrix out) {
  const int64_t half = static_cast<int64_t>(frequencies.size());
  for (int64_t r = 0; r < n; ++r) {
    float* sines = out.row(r);
    for (int64_t i = 0; i < half; ++i) {
      const float angle = days_of(delta_s[r]) * frequencies[static_cast<size_t>(i)];
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
