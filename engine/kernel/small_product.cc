#include "kernel/small_product.h"

#include "kernel/small_product_simd.h"

namespace rle {

void multiply_vector(ConstMatrix w, const float* x, float* y) {
  RLE_DISPATCH(multiply_vector(w.data, w.rows, w.cols, w.stride, x, y))
}

void add_transposed_product(ConstMatrix w, const float* y, float* x) {
  RLE_DISPATCH(add_transposed_product(w.data, w.rows, w.cols, w.stride, y, x))
}

void add_outer_product(const float* y, const float* x, Matrix w) {
  RLE_DISPATCH(add_outer_product(y, x, w.data, w.rows, w.cols, w.stride))
}

void multiply_two_vectors(ConstMatrix w, ConstVectorPair x, VectorPair y) {
  RLE_DISPATCH(multiply_two_vectors({w.data, w.rows, w.cols, w.stride}, x.first, x.second, y.first, y.second))
}

void add_two_transposed_products(ConstMatrix w, ConstVectorPair y, VectorPair x) {
  RLE_DISPATCH(
      add_two_transposed_products({w.data, w.rows, w.cols, w.stride}, y.first, y.second, x.first, x.second))
}

void add_two_outer_products(ConstVectorPair y, ConstVectorPair x, Matrix w) {
  RLE_DISPATCH(add_two_outer_products(y.first, y.second, x.first, x.second, w.data,
                                      {nullptr, w.rows, w.cols, w.stride}))
}

void multiply_vector_oracle(ConstMatrix w, const float* x, float* y) {
  for (int64_t i = 0; i < w.rows; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < w.cols; ++j) sum += double{w.row(i)[j]} * double{x[j]};
    y[i] = static_cast<float>(sum);
  }
}

void add_transposed_product_oracle(ConstMatrix w, const float* y, float* x) {
  for (int64_t j = 0; j < w.cols; ++j) {
    double sum = double{x[j]};
    for (int64_t i = 0; i < w.rows; ++i) sum += double{w.row(i)[j]} * double{y[i]};
    x[j] = static_cast<float>(sum);
  }
}

void add_outer_product_oracle(const float* y, const float* x, Matrix w) {
  for (int64_t i = 0; i < w.rows; ++i)
    for (int64_t j = 0; j < w.cols; ++j) w.row(i)[j] += y[i] * x[j];
}

}  // namespace rle
