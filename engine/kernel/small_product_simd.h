// What small_product_simd.cc defines once per instruction set; included by small_product*.cc only.
#pragma once

#include <cstdint>

#include "kernel/isa.h"

namespace rle {

struct SmallMatrix {
  const float* data;
  int64_t rows, cols, stride;
};

RLE_DECLARE_SIMD(void multiply_vector(const float* w, int64_t rows, int64_t cols, int64_t stride,
                                      const float* x, float* y))
RLE_DECLARE_SIMD(void add_transposed_product(const float* w, int64_t rows, int64_t cols, int64_t stride,
                                             const float* y, float* x))
RLE_DECLARE_SIMD(void add_outer_product(const float* y, const float* x, float* w, int64_t rows, int64_t cols,
                                        int64_t stride))
RLE_DECLARE_SIMD(void multiply_two_vectors(const SmallMatrix& w, const float* x0, const float* x1, float* y0,
                                           float* y1))
RLE_DECLARE_SIMD(void add_two_transposed_products(const SmallMatrix& w, const float* y0, const float* y1,
                                                  float* x0, float* x1))
RLE_DECLARE_SIMD(void add_two_outer_products(const float* y0, const float* y1, const float* x0,
                                             const float* x1, float* w, const SmallMatrix& shape))

}  // namespace rle
