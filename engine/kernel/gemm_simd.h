// What gemm_simd.cc and gemm_bf16_simd.cc define once per instruction set; included by gemm*.cc only.
#pragma once

#include <cstdint>

#include "kernel/isa.h"

namespace rle {

// Operands of C (m, n) = start + A (m, k) B (k, n); element (i, p) of A is a[i * a_row + p * a_col]. start is
// C itself, a bias repeated for every row (start_row 0), or nullptr: zero.
template <typename Element>
struct GemmOperandsOf {
  int64_t m, n, k;
  const Element* a;
  int64_t a_row, a_col;
  const Element* b;  // packed panels, or row-major with `b_row`
  int64_t b_row;
  float* c;
  int64_t c_row;
  const float* start;
  int64_t start_row;
};
using GemmOperands = GemmOperandsOf<float>;

RLE_DECLARE_SIMD(int64_t gemm_panel())
// b (k, n), or its transpose (n, k), into panels.
RLE_DECLARE_SIMD(void gemm_pack(const float* b, int64_t stride, int64_t k, int64_t n, float* out))
RLE_DECLARE_SIMD(void gemm_pack_transposed(const float* b, int64_t stride, int64_t k, int64_t n, float* out))
RLE_DECLARE_SIMD(void gemm_packed(const GemmOperands& op))
RLE_DECLARE_SIMD(void gemm_rows(const GemmOperands& op))

// B (k, n), row-major with `stride` or (transposed) its columns, in panels of pairs: (ceil(k / 2), panel)
// each.
RLE_DECLARE_BF16_SIMD(void gemm_bf16_pack(const float* b, int64_t stride, int64_t k, int64_t n,
                                          uint32_t* panels))
RLE_DECLARE_BF16_SIMD(void gemm_bf16_pack_transposed(const float* b, int64_t stride, int64_t k, int64_t n,
                                                     uint32_t* panels))
// The same products with A and B rounded to bf16. packed: rows of A are contiguous (a_col 1); B's panels are
// `b`, pairs of bf16 along k, in place of op.b. rows: A is the transpose of a row-major matrix (a_row 1).
RLE_DECLARE_BF16_SIMD(void gemm_bf16_packed(const GemmOperands& op, const uint32_t* b))
RLE_DECLARE_BF16_SIMD(void gemm_bf16_rows(const GemmOperands& op))

}  // namespace rle
