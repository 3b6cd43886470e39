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

void multiply_two_vectors(const SmallMatrix& w, const float* x0, const float* x1, float* y0, float* y1) {
  for (int64_t i = 0; i < w.rows; ++i) {
    const float* row = w.data + i * w.stride;
    float sum0 = 0, sum1 = 0;
#pragma omp simd reduction(+ : sum0, sum1)
    for (int64_t j = 0; j < w.cols; ++j) {
      sum0 += row[j] * x0[j];
      sum1 += row[j] * x1[j];
    }
    y0[i] = sum0;
    y1[i] = sum1;
  }
}

void add_two_transposed_products(const SmallMatrix& w, const float* y0, const float* y1, float* x0,
                                 float* x1) {
  for (int64_t i = 0; i < w.rows; ++i) {
    const float* row = w.data + i * w.stride;
    const float factor0 = y0[i], factor1 = y1[i];
#pragma omp simd
    for (int64_t j = 0; j < w.cols; ++j) {
      x0[j] += factor0 * row[j];
      x1[j] += factor1 * row[j];
    }
  }
}

void add_two_outer_products(const float* y0, const float* y1, const float* x0, const float* x1, float* w,
                            const SmallMatrix& shape) {
  for (int64_t i = 0; i < shape.rows; ++i) {
    float* row = w + i * shape.stride;
    const float factor0 = y0[i], factor1 = y1[i];
#pragma omp simd
    for (int64_t j = 0; j < shape.cols; ++j) row[j] += factor0 * x0[j] + factor1 * x1[j];
  }
}

}  // namespace rle::RLE_ISA
