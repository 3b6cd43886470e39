// Products in fp32.
#include "kernel/gemm_simd.h"

#include "kernel/gemm_tile.h"

namespace rle::RLE_ISA {
namespace {

// Rows of A and B that a product of their columns takes at a time: rows of a power of two share few sets of
// the L1 cache, more of them would drive each other out.
constexpr int64_t kDepth = 48;

struct Fp32Product {
  using Element = float;
  using Vector = FloatVector;
  static Vector load_elements(const float* p) { return load(p); }
  static FloatVector multiply_add(FloatVector sum, float x, Vector y) { return sum + x * y; }
};

}  // namespace

int64_t gemm_panel() { return kPanel; }

void gemm_packed(const GemmOperands& op) { all_panels<Fp32Product>(op, op.k * kPanel); }

void gemm_rows(const GemmOperands& op) {
  float padded[kDepth * kPanel];
  GemmOperands part = op;
  for (int64_t p = 0; p < op.k; p += kDepth) {
    part.k = op.k - p < kDepth ? op.k - p : kDepth;
    part.a = op.a + p * op.a_col;
    part.b = op.b + p * op.b_row;
    int64_t j = 0;
    for (; j + kPanel <= op.n; j += kPanel) full_panel<Fp32Product>(part, part.b + j, op.b_row, j);
    if (j < op.n) {
      for (int64_t r = 0; r < part.k; ++r)
        for (int64_t column = 0; column < kPanel; ++column)
          padded[r * kPanel + column] = j + column < op.n ? part.b[r * op.b_row + j + column] : 0.0f;
      partial_panel<Fp32Product>(part, padded, kPanel, j);
    }
    part.start = op.c;
    part.start_row = op.c_row;
  }
}

}  // namespace rle::RLE_ISA
