#include "kernel/top_k_simd.h"

#include "kernel/simd_lanes.h"

namespace rle::RLE_ISA {
namespace {

constexpr int64_t kTogether = 4 * kLanes;  // scores that are looked at before the first branch

inline int64_t append_bits(uint32_t bits, int64_t first, uint32_t* found, int64_t count) {
  for (; bits != 0; bits &= bits - 1) found[count++] = static_cast<uint32_t>(first + __builtin_ctz(bits));
  return count;
}

}  // namespace

int64_t find_above(const float* scores, int64_t n, float threshold, uint32_t* found) {
  const FloatVector bound = FloatVector{} + threshold;
  int64_t count = 0, j = 0;
  for (; j + kTogether <= n; j += kTogether) {
    LaneMask above[4];
    RLE_UNROLL for (int v = 0; v < 4; ++v) above[v] = greater(load(scores + j + v * kLanes), bound);
    if (bits_of(LaneMask(above[0] | above[1] | above[2] | above[3])) == 0) continue;
    for (int v = 0; v < 4; ++v) count = append_bits(bits_of(above[v]), j + v * kLanes, found, count);
  }
  for (; j < n; ++j)
    if (scores[j] > threshold) found[count++] = static_cast<uint32_t>(j);
  return count;
}

}  // namespace rle::RLE_ISA
