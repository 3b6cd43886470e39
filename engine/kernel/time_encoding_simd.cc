// Angles are products in fp32, as the reference's; then all is in double: the angle less the nearest multiple
// of a right angle, sine and cosine of that rest by their power series, and their exchange by quadrant.
#include "kernel/time_encoding_simd.h"

#include "kernel/simd.h"

namespace rle::RLE_ISA {
namespace {

constexpr int64_t kDoubles = kLanes / 2;
typedef double DoubleVector __attribute__((vector_size(RLE_SIMD_WIDTH * 4)));
typedef int64_t LongVector __attribute__((vector_size(RLE_SIMD_WIDTH * 4)));
typedef float HalfVector __attribute__((vector_size(RLE_SIMD_WIDTH * 2), aligned(4), may_alias));

constexpr double kRightAngle = 1.57079632679489661923;
constexpr double kRounder = 0x1.8p52;  // added and taken away: rounds to the nearest integer

// Powers r^9 and r^10 at most: the rest of the series is below 3e-10 for |r| <= pi / 4.
inline DoubleVector sine(DoubleVector r, DoubleVector square) {
  DoubleVector sum = square * (1.0 / 362880) - 1.0 / 5040;
  sum = sum * square + 1.0 / 120;
  sum = sum * square - 1.0 / 6;
  return r + r * square * sum;
}
inline DoubleVector cosine(DoubleVector square) {
  DoubleVector sum = square * (-1.0 / 3628800) + 1.0 / 40320;
  sum = sum * square - 1.0 / 720;
  sum = sum * square + 1.0 / 24;
  sum = sum * square - 0.5;
  return 1.0 + square * sum;
}

inline void encode(HalfVector angle, float* sines, float* cosines) {
  const DoubleVector x = __builtin_convertvector(angle, DoubleVector);
  const DoubleVector shifted = x * (1.0 / kRightAngle) + kRounder;
  const DoubleVector r = x - (shifted - kRounder) * kRightAngle;
  const LongVector quadrant = reinterpret_cast<LongVector>(shifted);  // its lowest bits
  const DoubleVector square = r * r, s = sine(r, square), c = cosine(square);
  const DoubleVector one_of = (quadrant & 1) != 0 ? c : s, other = (quadrant & 1) != 0 ? s : c;
  *reinterpret_cast<HalfVector*>(sines) =
      __builtin_convertvector((quadrant & 2) != 0 ? -one_of : one_of, HalfVector);
  *reinterpret_cast<HalfVector*>(cosines) =
      __builtin_convertvector(((quadrant + 1) & 2) != 0 ? -other : other, HalfVector);
}

}  // namespace

void encode_days(const float* days, int64_t n, const float* frequencies, int64_t half, float* out) {
  for (int64_t row = 0; row < n; ++row) {
    float* sines = out + row * 2 * half;
    int64_t i = 0;
    for (; i + kDoubles <= half; i += kDoubles)
      encode(days[row] * *reinterpret_cast<const HalfVector*>(frequencies + i), sines + i, sines + half + i);
    if (i == half) continue;
    float rest[2 * kDoubles], angles[kDoubles];
    for (int64_t k = 0; k < kDoubles; ++k) angles[k] = i + k < half ? days[row] * frequencies[i + k] : 0.0f;
    encode(*reinterpret_cast<const HalfVector*>(angles), rest, rest + kDoubles);
    for (int64_t k = 0; i + k < half; ++k) {
      sines[i + k] = rest[k];
      sines[half + i + k] = rest[kDoubles + k];
    }
  }
}

}  // namespace rle::RLE_ISA
