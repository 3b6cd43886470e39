// What small_product_simd.cc defines once per instruction set; included by small_product*.cc only.
#pragma once

#include <cstdint>

#include "kernel/isa.h"

namespace rle {

RLE_DECLARE_SIMD(void multiply_vector(const float* w, int64_t rows, int64_t cols, int64_t stride,
                                      const float* x, float* y))
RLE_DECLARE_SIMD(void add_transposed_product(const float* w, int64_t rows, int64_t cols, int64_t stride,
                                             const float* y, float* x))
RLE_DECLARE_SIMD(void add_outer_product(const float* y, const float* x, float* w, int64_t rows, int64_t cols,
                                        int64_t stride))

}  // namespace rle
