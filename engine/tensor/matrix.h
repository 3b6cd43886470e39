// Views of row-major matrices: shape, stride and pointer, never owning.
#pragma once

#include <cstdint>

#include "tensor/arena.h"

namespace rle {

template <typename T>
struct MatrixView {
  T* data = nullptr;
  int64_t rows = 0, cols = 0;
  int64_t stride = 0;  // elements from one row to the next

  MatrixView() = default;
  MatrixView(T* d, int64_t r, int64_t c) : MatrixView(d, r, c, c) {}
  MatrixView(T* d, int64_t r, int64_t c, int64_t s) : data(d), rows(r), cols(c), stride(s) {}

  T* row(int64_t i) const { return data + i * stride; }
  int64_t size() const { return rows * cols; }
  bool empty() const { return rows == 0; }
  bool contiguous() const { return stride == cols || rows <= 1; }
  MatrixView slice(int64_t begin, int64_t end) const { return {row(begin), end - begin, cols, stride}; }
  MatrixView columns(int64_t begin, int64_t end) const { return {data + begin, rows, end - begin, stride}; }
  operator MatrixView<const T>() const { return {data, rows, cols, stride}; }
};

using Matrix = MatrixView<float>;
using ConstMatrix = MatrixView<const float>;

inline Matrix new_matrix(Arena& arena, int64_t rows, int64_t cols) {
  return {arena.allocate<float>(rows * cols), rows, cols};
}
inline Matrix new_zero_matrix(Arena& arena, int64_t rows, int64_t cols) {
  return {arena.allocate_zero<float>(rows * cols), rows, cols};
}

}  // namespace rle
