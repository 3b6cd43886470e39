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

}  // namespace

int64_t packed_size(int64_t k, int64_t n) {
  const int64_t panel = panel_width();
  return (n + panel - 1) / panel * panel * k;
}

PackedMatrix pack(ConstMatrix b, Arena& arena) {
  float* out = arena.allocate<float>(packed_size(b.rows, b.cols));
  run_pack(b.data, b.stride, b.rows, b.cols, out);
  return {out, b.rows, b.cols};
}

PackedMatrix pack_transposed(ConstMatrix b, Arena& arena) {
  float* out = arena.allocate<float>(packed_size(b.cols, b.rows));
  run_pack_transposed(b.data, b.stride, b.cols, b.rows, out);
  return {out, b.cols, b.rows};
}

void gemm(ConstMatrix a, const PackedMatrix& b, Matrix c, GemmMode mode) {
  RLE_CHECK(a.cols == b.k && c.cols == b.n && a.rows == c.rows);
  const float* start = mode == GemmMode::kAccumulate ? c.data : nullptr;
  run_packed({a.rows, b.n, b.k, a.data, a.stride, 1, b.data, 0, c.data, c.stride, start, c.stride});
}

void gemm_bias(ConstMatrix a, const PackedMatrix& b, const float* bias, Matrix c) {
  RLE_CHECK(a.cols == b.k && c.cols == b.n && a.rows == c.rows);
  run_packed({a.rows, b.n, b.k, a.data, a.stride, 1, b.data, 0, c.data, c.stride, bias, 0});
}

void gemm_at_b(ConstMatrix a, ConstMatrix b, Matrix c) {
  RLE_CHECK(a.rows == b.rows && c.rows == a.cols && c.cols == b.cols);
  run_rows(
      {c.rows, c.cols, a.rows, a.data, 1, a.stride, b.data, b.stride, c.data, c.stride, c.data, c.stride});
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
