#include "kernel/gemm.h"

#include "base/error.h"
#include "kernel/gemm_simd.h"

namespace rle {
namespace {

int64_t panel_width() { RLE_DISPATCH(gemm_panel()) }
void run_pack(const float* b, int64_t stride, int64_t k, int64_t n, float* out) {
  RLE_DISPATCH(gemm_pack(b, stride, k, n, out))
}
void run_pack_transposed(const float* b, int64_t stride, int64_t k, int64_t n, float* out) {
  RLE_DISPATCH(gemm_pack_transposed(b, stride, k, n, out))
}
void run_packed(const GemmOperands& op) { RLE_DISPATCH(gemm_packed(op)) }
void run_rows(const GemmOperands& op) { RLE_DISPATCH(gemm_rows(op)) }
void run_packed_bf16(const GemmOperands& op, const uint32_t* b) { RLE_DISPATCH_BF16(gemm_bf16_packed(op, b)) }
void run_rows_bf16(const GemmOperands& op) { RLE_DISPATCH_BF16(gemm_bf16_rows(op)) }

void pack_bf16(ConstMatrix b, uint32_t* out) {
  RLE_DISPATCH_BF16(gemm_bf16_pack(b.data, b.stride, b.rows, b.cols, out))
}
void pack_transposed_bf16(ConstMatrix b, uint32_t* out) {
  RLE_DISPATCH_BF16(gemm_bf16_pack_transposed(b.data, b.stride, b.cols, b.rows, out))
}

// Memory for the panels of a B (k, n): numbers, or pairs of bf16.
struct Panels {
  float* data = nullptr;
  uint32_t* pairs = nullptr;
};
Panels new_panels(int64_t k, int64_t n, Arena& arena, Precision precision) {
  const int64_t panel = panel_width(), columns = (n + panel - 1) / panel * panel;
  if (precision == Precision::kBf16) return {nullptr, arena.allocate<uint32_t>((k + 1) / 2 * columns)};
  return {arena.allocate<float>(k * columns), nullptr};
}

void multiply(ConstMatrix a, const PackedMatrix& b, Matrix c, const float* start, int64_t start_row) {
  RLE_CHECK(a.cols == b.k && c.cols == b.n && a.rows == c.rows);
  const GemmOperands op{a.rows, b.n, b.k, a.data, a.stride, 1, b.data, 0, c.data, c.stride, start, start_row};
  if (b.pairs != nullptr)
    run_packed_bf16(op, b.pairs);
  else
    run_packed(op);
}

}  // namespace

PackedMatrix pack(ConstMatrix b, Arena& arena, Precision precision) {
  const Panels out = new_panels(b.rows, b.cols, arena, precision);
  if (out.pairs != nullptr)
    pack_bf16(b, out.pairs);
  else
    run_pack(b.data, b.stride, b.rows, b.cols, out.data);
  return {out.data, out.pairs, b.rows, b.cols};
}

PackedMatrix pack_transposed(ConstMatrix b, Arena& arena, Precision precision) {
  const Panels out = new_panels(b.cols, b.rows, arena, precision);
  if (out.pairs != nullptr)
    pack_transposed_bf16(b, out.pairs);
  else
    run_pack_transposed(b.data, b.stride, b.cols, b.rows, out.data);
  return {out.data, out.pairs, b.cols, b.rows};
}

void gemm(ConstMatrix a, const PackedMatrix& b, Matrix c, GemmMode mode) {
  multiply(a, b, c, mode == GemmMode::kAccumulate ? c.data : nullptr, c.stride);
}

void gemm_bias(ConstMatrix a, const PackedMatrix& b, const float* bias, Matrix c) {
  multiply(a, b, c, bias, 0);
}

void gemm_at_b(ConstMatrix a, ConstMatrix b, Matrix c, Precision precision) {
  RLE_CHECK(a.rows == b.rows && c.rows == a.cols && c.cols == b.cols);
  const GemmOperands op{c.rows, c.cols,   a.rows, a.data,   1,      a.stride,
                        b.data, b.stride, c.data, c.stride, c.data, c.stride};
  if (precision == Precision::kBf16)
    run_rows_bf16(op);
  else
    run_rows(op);
}

Matrix rounded_to_bf16(ConstMatrix x, Arena& arena) {
  const Matrix out = new_matrix(arena, x.rows, x.cols);
  for (int64_t i = 0; i < x.rows; ++i)
    for (int64_t j = 0; j < x.cols; ++j) out.row(i)[j] = from_bf16(to_bf16(x.row(i)[j]));
  return out;
}

void gemm_oracle(ConstMatrix a, ConstMatrix b, Matrix c, GemmMode mode) {
  for (int64_t i = 0; i < c.rows; ++i)
    for (int64_t j = 0; j < c.cols; ++j) {
      double sum = mode == GemmMode::kAccumulate ? double{c.row(i)[j]} : 0.0;
      for (int64_t p = 0; p < a.cols; ++p) sum += double{a.row(i)[p]} * double{b.row(p)[j]};
      c.row(i)[j] = static_cast<float>(sum);
    }
}

void gemm_at_b_oracle(ConstMatrix a, ConstMatrix b, Matrix c) {
  for (int64_t i = 0; i < c.rows; ++i)
    for (int64_t j = 0; j < c.cols; ++j) {
      double sum = double{c.row(i)[j]};
      for (int64_t r = 0; r < a.rows; ++r) sum += double{a.row(r)[i]} * double{b.row(r)[j]};
      c.row(i)[j] = static_cast<float>(sum);
    }
}

}  // namespace rle
