// Count, mean, squared deviations, minimum and maximum of numbers, merged part by part (Chan, Golub, LeVeque
// 1979), so that statistics over parts of a table add up in a fixed order to the same bits wherever the parts
// were computed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace rle {

struct Moments {
  int64_t n = 0;
  double mean = 0, m2 = 0;
  double min = std::numeric_limits<double>::infinity(), max = -std::numeric_limits<double>::infinity();

  void add(double x) {
    ++n;
    const double delta = x - mean;
    mean += delta / static_cast<double>(n);
    m2 += delta * (x - mean);
    min = std::min(min, x);
    max = std::max(max, x);
  }

  void merge(const Moments& other) {
    if (other.n == 0) return;
    const double total = static_cast<double>(n + other.n);
    const double delta = other.mean - mean;
    mean += delta * (static_cast<double>(other.n) / total);
    m2 += other.m2 + delta * delta * (static_cast<double>(n) * static_cast<double>(other.n) / total);
    n += other.n;
    min = std::min(min, other.min);
    max = std::max(max, other.max);
  }

  // Population standard deviation; exactly 0 where all numbers are equal.
  double standard_deviation() const {
    return n == 0 || min == max ? 0.0 : std::sqrt(m2 / static_cast<double>(n));
  }
  // The mean; exactly the number where all are equal.
  double exact_mean() const { return n == 0 ? 0.0 : (min == max ? min : mean); }
};

}  // namespace rle
