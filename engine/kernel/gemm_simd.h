// What gemm_simd.cc defines once per instruction set; included by gemm.cc and gemm_simd.cc only.
#pragma once

#include <cstdint>

#include "kernel/isa.h"

namespace rle {

// Operands of C (m, n) = start + A (m, k) B (k, n); element (i, p) of A is a[i * a_row + p * a_col]. start is
// C itself, a bias repeated for every row (start_row 0), or nullptr: zero.
struct GemmOperands {
  int64_t m, n, k;
  const float* a;
  int64_t a_row, a_col;
  const float* b;  // packed panels, or row-major with `b_row`
  int64_t b_row;
  float* c;
  int64_t c_row;
  const float* start;
  int64_t start_row;
};

RLE_DECLARE_SIMD(int64_t gemm_panel())
// b (k, n), or its transpose (n, k), into panels.
RLE_DECLARE_SIMD(void gemm_pack(const float* b, int64_t stride, int64_t k, int64_t n, float* out))
RLE_DECLARE_SIMD(void gemm_pack_transposed(const float* b, int64_t stride, int64_t k, int64_t n, float* out))
RLE_DECLARE_SIMD(void gemm_packed(const GemmOperands& op))
RLE_DECLARE_SIMD(void gemm_rows(const GemmOperands& op))

}  // namespace rle
