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

}  // namespace rle
