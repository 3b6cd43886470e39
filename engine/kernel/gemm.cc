#include "kernel/gemm.h"

#include "base/error.h"
#include "kernel/gemm_simd.h"

namespace rle {
namespace {

int64_t panel_width() { RLE_DISPATCH(gemm_panel()) }
void run_packed(const GemmOperands& op) { RLE_DISPATCH(gemm_packed(op)) }
void run_rows(const GemmOperands& op) { RLE_DISPATCH(gemm_rows(op)) }
void run_packed_bf16(const GemmOperands& op, const uint32_t* b) { RLE_DISPATCH_BF16(gemm_bf16_packed(op, b)) }
void run_rows_bf16(const GemmOperands& op) { RLE_DISPATCH_BF16(gemm_bf16_rows(op)) }

// Element (p, j) is data[p * row + j * col].
struct Strided {
  const float* data;
  int64_t row, col, k, n;
  float at(int64_t p, int64_t j) const { return data[p * row + j * col]; }
};

// Fills panels with element(p, j), p in [0, depth), zero where j >= n.
template <typename Element, typename Fill>
const Element* fill_panels(int64_t depth, int64_t n, Arena& arena, const Fill& element) {
  const int64_t panel = panel_width();
  Element* const panels = arena.allocate<Element>((n + panel - 1) / panel * panel * depth);
  Element* out = panels;
  for (int64_t first = 0; first < n; first += panel)
    for (int64_t p = 0; p < depth; ++p)
      for (int64_t j = first; j < first + panel; ++j) *out++ = j < n ? element(p, j) : Element{};
  return panels;
}

PackedMatrix pack_strided(const Strided& b, Arena& arena, Precision precision) {
  PackedMatrix packed{nullptr, nullptr, b.k, b.n};
  if (precision == Precision::kFp32) {
    packed.data = fill_panels<float>(b.k, b.n, arena, [&](int64_t p, int64_t j) { return b.at(p, j); });
    return packed;
  }
  packed.pairs = fill_panels<uint32_t>((b.k + 1) / 2, b.n, arena, [&](int64_t p, int64_t j) {
    const uint32_t second = 2 * p + 1 < b.k ? to_bf16(b.at(2 * p + 1, j)) : 0u;
    return to_bf16(b.at(2 * p, j)) | second << 16;
  });
  return packed;
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
  return pack_strided({b.data, b.stride, 1, b.rows, b.cols}, arena, precision);
}

PackedMatrix pack_transposed(ConstMatrix b, Arena& arena, Precision precision) {
  return pack_strided({b.data, 1, b.stride, b.cols, b.rows}, arena, precision);
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
