// The register tile: kRows x (kVectors * kLanes) accumulators stay in registers over the whole of k. With
// AVX-512 6 x 64 (24 of 32 registers), with AVX2 6 x 16 (12 of 16).
#include "kernel/gemm_simd.h"

#include "kernel/simd.h"

namespace rle::RLE_ISA {
namespace {

constexpr int kRows = 6;
constexpr int kVectors = RLE_SIMD_WIDTH == 16 ? 4 : 2;
constexpr int64_t kPanel = kVectors * kLanes;
// Rows of A and B that a product of their columns takes at a time: rows of a power of two share few sets of
// the L1 cache, more of them would drive each other out.
constexpr int64_t kDepth = 48;

template <int R>
inline void tile(int64_t k, const float* a, int64_t a_row, int64_t a_col, const float* b, int64_t b_row,
                 float* c, int64_t c_row, const float* start, int64_t start_row) {
  FloatVector sum[R][kVectors];
  RLE_UNROLL for (int i = 0; i < R; ++i) RLE_UNROLL for (int v = 0; v < kVectors; ++v) sum[i][v] =
      start != nullptr ? load(start + i * start_row + v * kLanes) : FloatVector{};
  for (int64_t p = 0; p < k; ++p) {
    FloatVector row[kVectors];
    RLE_UNROLL for (int v = 0; v < kVectors; ++v) row[v] = load(b + v * kLanes);
    RLE_UNROLL for (int i = 0; i < R; ++i) {
      const float x = a[i * a_row];
      RLE_UNROLL for (int v = 0; v < kVectors; ++v) sum[i][v] += x * row[v];
    }
    a += a_col;
    b += b_row;
  }
  RLE_UNROLL for (int i = 0; i < R; ++i) RLE_UNROLL for (int v = 0; v < kVectors; ++v)
      store(c + i * c_row + v * kLanes, sum[i][v]);
}

void tile_rows(int64_t rows, int64_t k, const float* a, int64_t a_row, int64_t a_col, const float* b,
               int64_t b_row, float* c, int64_t c_row, const float* start, int64_t start_row) {
  switch (rows) {
    case 1:
      return tile<1>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
    case 2:
      return tile<2>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
    case 3:
      return tile<3>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
    case 4:
      return tile<4>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
    case 5:
      return tile<5>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
    default:
      return tile<kRows>(k, a, a_row, a_col, b, b_row, c, c_row, start, start_row);
  }
}

// Row i of what C's columns from `column` on start from.
inline const float* start_of(const GemmOperands& op, int64_t i, int64_t column) {
  return op.start != nullptr ? op.start + i * op.start_row + column : nullptr;
}

// Columns [column, column + kPanel) of C, with one panel of B.
void full_panel(const GemmOperands& op, const float* b, int64_t b_row, int64_t column) {
  for (int64_t i = 0; i < op.m; i += kRows) {
    const int64_t rows = op.m - i < kRows ? op.m - i : kRows;
    tile_rows(rows, op.k, op.a + i * op.a_row, op.a_row, op.a_col, b, b_row, op.c + i * op.c_row + column,
              op.c_row, start_of(op, i, column), op.start_row);
  }
}

// The last columns of C, fewer than a panel: by way of a full tile on the stack.
void partial_panel(const GemmOperands& op, const float* b, int64_t b_row, int64_t column) {
  float full[kRows * kPanel];
  for (int64_t i = 0; i < op.m; i += kRows) {
    const int64_t rows = op.m - i < kRows ? op.m - i : kRows;
    tile_rows(rows, op.k, op.a + i * op.a_row, op.a_row, op.a_col, b, b_row, full, kPanel, nullptr, 0);
    for (int64_t r = 0; r < rows; ++r) {
      float* out = op.c + (i + r) * op.c_row + column;
      const float* start = start_of(op, i + r, column);
      for (int64_t j = 0; j < op.n - column; ++j)
        out[j] = full[r * kPanel + j] + (start != nullptr ? start[j] : 0.0f);
    }
  }
}

}  // namespace

int64_t gemm_panel() { return kPanel; }

void gemm_packed(const GemmOperands& op) {
  const float* b = op.b;
  int64_t j = 0;
  for (; j + kPanel <= op.n; j += kPanel, b += op.k * kPanel) full_panel(op, b, kPanel, j);
  if (j < op.n) partial_panel(op, b, kPanel, j);
}

void gemm_rows(const GemmOperands& op) {
  float padded[kDepth * kPanel];
  GemmOperands part = op;
  for (int64_t p = 0; p < op.k; p += kDepth) {
    part.k = op.k - p < kDepth ? op.k - p : kDepth;
    part.a = op.a + p * op.a_col;
    part.b = op.b + p * op.b_row;
    int64_t j = 0;
    for (; j + kPanel <= op.n; j += kPanel) full_panel(part, part.b + j, op.b_row, j);
    if (j < op.n) {
      for (int64_t r = 0; r < part.k; ++r)
        for (int64_t column = 0; column < kPanel; ++column)
          padded[r * kPanel + column] = j + column < op.n ? part.b[r * op.b_row + j + column] : 0.0f;
      partial_panel(part, padded, kPanel, j);
    }
    part.start = op.c;
    part.start_row = op.c_row;
  }
}

}  // namespace rle::RLE_ISA
