// The register tile of products: kRows x (kVectors * kLanes) accumulators stay in registers over the whole of
// k. With AVX-512 6 x 64 (24 of 32 registers), with AVX2 6 x 16 (12 of 16). For gemm*_simd.cc only, like
// simd.h.
//
// Product says what an element of A and B is and how a vector of B's is multiplied and added: numbers in
// fp32, or pairs of bf16, and then k counts pairs.
#pragma once

#include "kernel/gemm_simd.h"
#include "kernel/simd.h"

namespace rle {
namespace {

constexpr int kRows = 6;
constexpr int kVectors = RLE_SIMD_WIDTH == 16 ? 4 : 2;
constexpr int64_t kPanel = kVectors * kLanes;

template <typename Product, int R, typename Element = typename Product::Element>
inline void tile(int64_t k, const Element* a, int64_t a_row, int64_t a_col, const Element* b, int64_t b_row,
                 float* c, int64_t c_row, const float* start, int64_t start_row) {
  FloatVector sum[R][kVectors];
  RLE_UNROLL for (int i = 0; i < R; ++i) RLE_UNROLL for (int v = 0; v < kVectors; ++v) sum[i][v] =
      start != nullptr ? load(start + i * start_row + v * kLanes) : FloatVector{};
  for (int64_t p = 0; p < k; ++p) {
    typename Product::Vector row[kVectors];
    RLE_UNROLL for (int v = 0; v < kVectors; ++v) row[v] = Product::load_elements(b + v * kLanes);
    RLE_UNROLL for (int i = 0; i < R; ++i) {
      const Element x = a[i * a_row];
      RLE_UNROLL for (int v = 0; v < kVectors; ++v) sum[i][v] = Product::multiply_add(sum[i][v], x, row[v]);
    }
    a += a_col;
    b += b_row;
  }
  RLE_UNROLL for (int i = 0; i < R; ++i) RLE_UNROLL for (int v = 0; v < kVectors; ++v)
      store(c + i * c_row + v * kLanes, sum[i][v]);
}

template <typename Product, typename Element = typename Product::Element>
void tile_rows(int64_t rows, int64_t k, const Element* a, int64_t a_row, int64_t a_col, const Element* b,
               int64_t b_row, float* c, int64_t c_row, const float* start, int64_t start_row) {
  switch (rows) {
    case 1:
      return tile<Product, 1>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
    case 2:
      return tile<Product, 2>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
    case 3:
      return tile<Product, 3>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
    case 4:
      return tile<Product, 4>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
    case 5:
      return tile<Product, 5>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
    default:
      return tile<Product, kRows>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
  }
}

// Row i of what C's columns from `column` on start from.
template <typename Element>
inline const float* start_of(const GemmOperandsOf<Element>& op, int64_t i, int64_t column) {
  return op.start != nullptr ? op.start + i * op.start_row + column : nullptr;
}

// Columns [column, column + kPanel) of C, with one panel of B.
template <typename Product, typename Element = typename Product::Element>
void full_panel(const GemmOperandsOf<Element>& op, const Element* b, int64_t b_row, int64_t column) {
  for (int64_t i = 0; i < op.m; i += kRows) {
    const int64_t rows = op.m - i < kRows ? op.m - i : kRows;
    tile_rows<Product>(rows, op.k, op.a + i * op.a_row, op.a_row, op.a_col, b, b_row,
                       op.c + i * op.c_row + column, op.c_row, start_of(op, i, column), op.start_row);
  }
}

// The last columns of C, fewer than a panel: by way of a full tile on the stack.
template <typename Product, typename Element = typename Product::Element>
void partial_panel(const GemmOperandsOf<Element>& op, const Element* b, int64_t b_row, int64_t column) {
  float full[kRows * kPanel];
  for (int64_t i = 0; i < op.m; i += kRows) {
    const int64_t rows = op.m - i < kRows ? op.m - i : kRows;
    tile_rows<Product>(rows, op.k, op.a + i * op.a_row, op.a_row, op.a_col, b, b_row, full, kPanel, nullptr,
                       0);
    for (int64_t r = 0; r < rows; ++r) {
      float* out = op.c + (i + r) * op.c_row + column;
      const float* start = start_of(op, i + r, column);
      for (int64_t j = 0; j < op.n - column; ++j)
        out[j] = full[r * kPanel + j] + (start != nullptr ? start[j] : 0.0f);
    }
  }
}

// All of C, B in panels that lie `panel_size` elements apart.
template <typename Product, typename Element = typename Product::Element>
void all_panels(const GemmOperandsOf<Element>& op, int64_t panel_size) {
  const Element* b = op.b;
  int64_t j = 0;
  for (; j + kPanel <= op.n; j += kPanel, b += panel_size) full_panel<Product>(op, b, kPanel, j);
  if (j < op.n) partial_panel<Product>(op, b, kPanel, j);
}

}  // namespace
}  // namespace rle
