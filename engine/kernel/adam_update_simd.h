// What adam_update_simd.cc defines once per instruction set; included by adam_update*.cc only.
#pragma once

#include "kernel/adam_update.h"
#include "kernel/isa.h"

namespace rle {

RLE_DECLARE_SIMD(void adam_update(const AdamFactors& factors, int64_t count, const float* gradients,
                                  float* values, float* first, float* second))
RLE_DECLARE_SIMD(void adam_catch_up(const AdamFactors* factors, int64_t steps, int64_t count, float* values,
                                    float* first, float* second))

}  // namespace rle
