#include "kernel/gemm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernel/isa_testing.h"

namespace rle {
namespace {

struct Case {
  int64_t m, n, k;
};

class GemmTest : public IsaTest {
 protected:
  static void expect_close(Matrix got, Matrix want, int64_t k) {
    for (int64_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got.data[i], want.data[i], 1e-5 * std::sqrt(static_cast<double>(k) + 1.0))
          << "element " << i;
  }
};

constexpr Case kCases[] = {{1, 1, 1},      {5, 3, 7},    {6, 64, 16}, {13, 65, 20},
                           {64, 128, 128}, {37, 200, 0}, {7, 17, 130}};

TEST_P(GemmTest, ProductEqualsTheOracle) {
  for (const auto& [m, n, k] : kCases) {
    const Matrix a = random(m, k), b = random(k, n), c = random(m, n), want = copy(c);
    for (GemmMode mode : {GemmMode::kOverwrite, GemmMode::kAccumulate}) {
      gemm(a, pack(b, arena_), c, mode);
      gemm_oracle(a, b, want, mode);
      expect_close(c, want, k);
    }
  }
}

TEST_P(GemmTest, ALinearMapStartsFromItsBias) {
  for (const auto& [m, n, k] : kCases) {
    const Matrix a = random(m, k), b = random(k, n), bias = random(1, n), c = random(m, n), want = copy(c);
    for (int64_t i = 0; i < m; ++i) std::copy(bias.data, bias.data + n, want.row(i));
    gemm_bias(a, pack(b, arena_), bias.data, c);
    gemm_oracle(a, b, want, GemmMode::kAccumulate);
    expect_close(c, want, k);
  }
}

TEST_P(GemmTest, PackingTheTransposeGivesTheSameBits) {
  const Matrix a = random(9, 33), b = random(33, 70), c = random(9, 70), d = copy(c);
  Matrix transposed = new_matrix(arena_, 70, 33);
  for (int64_t p = 0; p < 33; ++p)
    for (int64_t j = 0; j < 70; ++j) transposed.row(j)[p] = b.row(p)[j];
  gemm(a, pack(b, arena_), c, GemmMode::kOverwrite);
  gemm(a, pack_transposed(transposed, arena_), d, GemmMode::kOverwrite);
  for (int64_t i = 0; i < c.size(); ++i) ASSERT_EQ(c.data[i], d.data[i]);
}

TEST_P(GemmTest, WeightGradientEqualsTheOracle) {
  for (const auto& [m, n, k] : kCases) {
    const Matrix a = random(k, m), b = random(k, n), c = random(m, n), want = copy(c);
    gemm_at_b(a, b, c);
    gemm_at_b_oracle(a, b, want);
    expect_close(c, want, k);
  }
}

RLE_FOR_EVERY_ISA(GemmTest);

}  // namespace
}  // namespace rle
