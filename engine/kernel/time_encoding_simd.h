// What time_encoding_simd.cc defines once per instruction set; included by time_encoding*.cc only.
#pragma once

#include <cstdint>

#include "kernel/isa.h"

namespace rle {

// out (n, 2 half): sin(days[r] frequencies[i]), then the cosines; |days| at most kMostDays, frequencies at
// most 1.
RLE_DECLARE_SIMD(void encode_days(const float* days, int64_t n, const float* frequencies, int64_t half,
                                  float* out))

inline constexpr float kMostDays = 1e7f;  // the reduction to a quarter turn is good to 1e-9 up to here

}  // namespace rle
