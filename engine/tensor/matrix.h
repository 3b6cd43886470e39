// Views of row-major matrices: shape and pointer, never owning.
#pragma once

#include <cstdint>

#include "tensor/arena.h"

namespace rle {

template <typename T>
struct MatrixView {
  T* data = nullptr;
  int64_t rows = 0, cols = 0;

  T* row(int64_t i) const { return data + i * cols; }
  int64_t size() const { return rows * cols; }
  bool empty() const { return rows == 0; }
  MatrixView slice(int64_t begin, int64_t end) const { return {row(begin), end - begin, cols}; }
  operator MatrixView<const T>() const { return {data, rows, cols}; }
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
