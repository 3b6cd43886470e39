#include "kernel/small_product_simd.h"

namespace rle::RLE_ISA {

void multiply_vector(const float* w, int64_t rows, int64_t cols, int64_t stride, const float* x, float* y) {
  for (int64_t i = 0; i < rows; ++i) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < cols; ++j) sum += w[i * stride + j] * x[j];
    y[i] = sum;
  }
}

void add_transposed_product(const float* w, int64_t rows, int64_t cols, int64_t stride, const float* y,
                            float* x) {
  for (int64_t i = 0; i < rows; ++i) {
    const float factor = y[i];
#pragma omp simd
    for (int64_t j = 0; j < cols; ++j) x[j] += factor * w[i * stride + j];
  }
}

void add_outer_product(const float* y, const float* x, float* w, int64_t rows, int64_t cols, int64_t stride) {
  for (int64_t i = 0; i < rows; ++i) {
    const float factor = y[i];
#pragma omp simd
    for (int64_t j = 0; j < cols; ++j) w[i * stride + j] += factor * x[j];
  }
}

}  // namespace rle::RLE_ISA
