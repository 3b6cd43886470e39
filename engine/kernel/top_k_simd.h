// What top_k_simd.cc defines once per instruction set; included by top_k*.cc only.
#pragma once

#include <cstdint>

#include "kernel/isa.h"

namespace rle {

// Writes the indices of those of `n` scores that are above the threshold (a NaN is not), ascending, and
// returns how many. Room for n.
RLE_DECLARE_SIMD(int64_t find_above(const float* scores, int64_t n, float threshold, uint32_t* found))

}  // namespace rle
