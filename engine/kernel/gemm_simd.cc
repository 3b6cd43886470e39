// The register tile: kRows x (kVectors * kLanes) accumulators stay in registers over the whole of k. With
// AVX-512 6 x 64 (24 of 32 registers), with AVX2 6 x 16 (12 of 16).
#include "kernel/gemm_simd.h"

#include "kernel/simd.h"

namespace rle::RLE_ISA {
namespace {

constexpr int kRows = 6;
constexpr int kVectors = RLE_SIMD_WIDTH == 16 ? 4 : 2;
constexpr int64_t kPanel = kVectors * kLanes;
constexpr int64_t kTailRows = 64;  // rows of B copied at a time where its last columns do not fill a panel

inline FloatVector load(const float* p) { return *reinterpret_cast<const FloatVector*>(p); }
inline void store(float* p, FloatVector v) { *reinterpret_cast<FloatVector*>(p) = v; }

template <int R>
inline void tile(int64_t k, const float* a, int64_t a_row, int64_t a_col, const float* b, int64_t b_row,
                 float* c, int64_t c_row, int accumulate) {
  FloatVector sum[R][kVectors];
  for (int i = 0; i < R; ++i)
    for (int v = 0; v < kVectors; ++v)
      sum[i][v] = accumulate ? load(c + i * c_row + v * kLanes) : FloatVector{};
  for (int64_t p = 0; p < k; ++p) {
    FloatVector row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = load(b + v * kLanes);
    for (int i = 0; i < R; ++i) {
      const float x = a[i * a_row];
      for (int v = 0; v < kVectors; ++v) sum[i][v] += x * row[v];
    }
    a += a_col;
    b += b_row;
  }
  for (int i = 0; i < R; ++i)
    for (int v = 0; v < kVectors; ++v) store(c + i * c_row + v * kLanes, sum[i][v]);
}

void tile_rows(int64_t rows, int64_t k, const float* a, int64_t a_row, int64_t a_col, const float* b,
               int64_t b_row, float* c, int64_t c_row, int accumulate) {
  switch (rows) {
    case 1:
      return tile<1>(k, a, a_row, a_col, b, b_row, c, c_row, accumulate);
    case 2:
      return tile<2>(k, a, a_row, a_col, b, b_row, c, c_row, accumulate);
    case 3:
      return tile<3>(k, a, a_row, a_col, b, b_row, c, c_row, accumulate);
    case 4:
      return tile<4>(k, a, a_row, a_col, b, b_row, c, c_row, accumulate);
    case 5:
      return tile<5>(k, a, a_row, a_col, b, b_row, c, c_row, accumulate);
    default:
      return tile<kRows>(k, a, a_row, a_col, b, b_row, c, c_row, accumulate);
  }
}

// One panel of B against all rows of A.
void full_panel(const GemmOperands& op, const float* b, int64_t b_row, float* c) {
  for (int64_t i = 0; i < op.m; i += kRows) {
    const int64_t rows = op.m - i < kRows ? op.m - i : kRows;
    tile_rows(rows, op.k, op.a + i * op.a_row, op.a_row, op.a_col, b, b_row, c + i * op.c_row, op.c_row,
              op.accumulate);
  }
}

// A panel of which only `columns` belong to C: by way of a full tile on the stack.
void partial_panel(const GemmOperands& op, const float* a, int64_t k, const float* b, int64_t b_row, float* c,
                   int64_t columns, int accumulate) {
  float full[kRows * kPanel];
  for (int64_t i = 0; i < op.m; i += kRows) {
    const int64_t rows = op.m - i < kRows ? op.m - i : kRows;
    tile_rows(rows, k, a + i * op.a_row, op.a_row, op.a_col, b, b_row, full, kPanel, 0);
    for (int64_t r = 0; r < rows; ++r) {
      float* out = c + (i + r) * op.c_row;
      for (int64_t j = 0; j < columns; ++j) out[j] = full[r * kPanel + j] + (accumulate ? out[j] : 0.0f);
    }
  }
}

}  // namespace

int64_t gemm_panel() { return kPanel; }

void gemm_packed(const GemmOperands& op) {
  const float* b = op.b;
  int64_t j = 0;
  for (; j + kPanel <= op.n; j += kPanel, b += op.k * kPanel) full_panel(op, b, kPanel, op.c + j);
  if (j < op.n) partial_panel(op, op.a, op.k, b, kPanel, op.c + j, op.n - j, op.accumulate);
}

void gemm_rows(const GemmOperands& op) {
  int64_t j = 0;
  for (; j + kPanel <= op.n; j += kPanel) full_panel(op, op.b + j, op.b_row, op.c + j);
  if (j == op.n) return;
  float padded[kTailRows * kPanel];
  for (int64_t p = 0; p < op.k; p += kTailRows) {
    const int64_t rows = op.k - p < kTailRows ? op.k - p : kTailRows;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t column = 0; column < kPanel; ++column)
        padded[r * kPanel + column] = j + column < op.n ? op.b[(p + r) * op.b_row + j + column] : 0.0f;
    partial_panel(op, op.a + p * op.a_col, rows, padded, kPanel, op.c + j, op.n - j, op.accumulate || p > 0);
  }
}

}  // namespace rle::RLE_ISA
