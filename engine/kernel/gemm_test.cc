#include "kernel/gemm.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <iterator>

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
  static void expect_same_bits(Matrix got, Matrix want) {
    for (int64_t i = 0; i < got.size(); ++i)
      ASSERT_EQ(std::bit_cast<uint32_t>(got.data[i]), std::bit_cast<uint32_t>(want.data[i]))
          << "element " << i << ": " << got.data[i] << ", " << want.data[i];
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

// ---- bf16: shapes with odd k, partial panels and tiles, several blocks of rows, of columns and of k

constexpr Case kBf16Cases[] = {{1, 1, 1},      {5, 3, 7},       {6, 64, 16},  {13, 65, 21},
                               {64, 128, 128}, {37, 200, 0},    {7, 17, 259}, {103, 70, 97},
                               {49, 130, 2},   {130, 131, 193}, {97, 16, 96}, {2, 300, 515}};

TEST_P(GemmTest, Bf16ProductEqualsTheOracleOfRoundedOperands) {
  for (const auto& [m, n, k] : kBf16Cases) {
    SCOPED_TRACE(fmt::format("({}, {}) ({}, {})", m, k, k, n));
    const Matrix a = random(m, k), b = random(k, n), c = random(m, n), want = copy(c);
    const Matrix rounded_a = rounded_to_bf16(a, arena_), rounded_b = rounded_to_bf16(b, arena_);
    for (GemmMode mode : {GemmMode::kOverwrite, GemmMode::kAccumulate}) {
      gemm(a, pack(b, arena_, Precision::kBf16), c, mode);
      gemm_oracle(rounded_a, rounded_b, want, mode);
      expect_close(c, want, k);
    }
    const Matrix bias = random(1, n);
    for (int64_t i = 0; i < m; ++i) std::copy(bias.data, bias.data + n, want.row(i));
    gemm_bias(a, pack(b, arena_, Precision::kBf16), bias.data, c);
    gemm_oracle(rounded_a, rounded_b, want, GemmMode::kAccumulate);
    expect_close(c, want, k);
  }
}

TEST_P(GemmTest, Bf16WeightGradientEqualsTheOracleOfRoundedOperands) {
  for (const auto& [m, n, k] : kBf16Cases) {
    SCOPED_TRACE(fmt::format("({}, {})^T ({}, {})", k, m, k, n));
    const Matrix a = random(k, m), b = random(k, n), c = random(m, n), want = copy(c);
    gemm_at_b(a, b, c, Precision::kBf16);
    gemm_at_b_oracle(rounded_to_bf16(a, arena_), rounded_to_bf16(b, arena_), want);
    expect_close(c, want, k);
  }
}

TEST_P(GemmTest, Bf16ReadsSlicesOfWiderMatrices) {
  const Matrix a = random(50, 90), b = random(50, 90), c = random(40, 200), want = copy(c);
  const Matrix out = c.columns(20, 90), want_out = want.columns(20, 90);
  gemm_at_b(a.columns(3, 43), b.columns(7, 77), out, Precision::kBf16);
  gemm_at_b_oracle(rounded_to_bf16(a.columns(3, 43), arena_), rounded_to_bf16(b.columns(7, 77), arena_),
                   want_out);
  gemm(a.slice(0, 40).columns(5, 38), pack(b.slice(1, 34).columns(0, 70), arena_, Precision::kBf16), out,
       GemmMode::kAccumulate);
  gemm_oracle(rounded_to_bf16(a.slice(0, 40).columns(5, 38), arena_),
              rounded_to_bf16(b.slice(1, 34).columns(0, 70), arena_), want_out, GemmMode::kAccumulate);
  expect_close(c, want, 90);
}

TEST_P(GemmTest, Bf16PackingTheTransposeGivesTheSameBits) {
  const Matrix a = random(9, 33), b = random(33, 70), c = random(9, 70), d = copy(c);
  const Matrix transposed = new_matrix(arena_, 70, 33);
  for (int64_t p = 0; p < 33; ++p)
    for (int64_t j = 0; j < 70; ++j) transposed.row(j)[p] = b.row(p)[j];
  gemm(a, pack(b, arena_, Precision::kBf16), c, GemmMode::kOverwrite);
  gemm(a, pack_transposed(transposed, arena_, Precision::kBf16), d, GemmMode::kOverwrite);
  expect_same_bits(c, d);
}

// Products with the identity show what each side's conversion makes of a value: a's as rows, and as columns.
TEST_P(GemmTest, Bf16RoundsToTheNearestEvenAndKeepsNaN) {
  const uint32_t inputs[] = {0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff, 0xbf818000,
                             0x7f7f7fff, 0x7f7fffff, 0x7f800000, 0xff800000, 0x00000000, 0x00808000};
  const uint32_t outputs[] = {0x3f800000, 0x3f800000, 0x3f820000, 0x3f810000, 0x3f800000, 0xbf820000,
                              0x7f7f0000, 0x7f800000, 0x7f800000, 0xff800000, 0x00000000, 0x00800000};
  for (size_t i = 0; i < std::size(inputs); ++i) {
    const auto x = std::bit_cast<float>(inputs[i]), want = std::bit_cast<float>(outputs[i]);
    EXPECT_EQ(std::bit_cast<uint32_t>(from_bf16(to_bf16(x))), outputs[i]) << std::hex << inputs[i];
    Matrix value = new_matrix(arena_, 1, 1), one = new_matrix(arena_, 1, 1), c = new_matrix(arena_, 1, 1);
    value.data[0] = x, one.data[0] = 1.0f;
    gemm(value, pack(one, arena_, Precision::kBf16), c, GemmMode::kOverwrite);
    EXPECT_EQ(c.data[0], want) << std::hex << inputs[i];
    gemm(one, pack(value, arena_, Precision::kBf16), c, GemmMode::kOverwrite);
    EXPECT_EQ(c.data[0], want) << std::hex << inputs[i];
    c.data[0] = 0;
    gemm_at_b(value, one, c, Precision::kBf16);
    EXPECT_EQ(c.data[0], want) << std::hex << inputs[i];
  }
  for (uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xffffffffu, 0x7fc00000u}) {
    EXPECT_TRUE(std::isnan(from_bf16(to_bf16(std::bit_cast<float>(bits))))) << std::hex << bits;
    Matrix value = new_matrix(arena_, 1, 1), one = new_matrix(arena_, 1, 1),
           c = new_zero_matrix(arena_, 1, 1);
    value.data[0] = std::bit_cast<float>(bits), one.data[0] = 1.0f;
    gemm_at_b(value, one, c, Precision::kBf16);
    EXPECT_TRUE(std::isnan(c.data[0])) << std::hex << bits;
    gemm(value, pack(one, arena_, Precision::kBf16), c, GemmMode::kOverwrite);
    EXPECT_TRUE(std::isnan(c.data[0])) << std::hex << bits;
  }
}

// Whatever else a product holds, a row comes out with the same bits.
TEST_P(GemmTest, Bf16RowsDoNotDependOnTheirNeighbours) {
  const Matrix a = random(60, 77), b = random(77, 128), all = random(60, 128), one = random(1, 128);
  const PackedMatrix packed = pack(b, arena_, Precision::kBf16);
  gemm(a, packed, all, GemmMode::kOverwrite);
  for (int64_t i : {0, 5, 47, 48, 59}) {
    gemm(a.slice(i, i + 1), packed, one, GemmMode::kOverwrite);
    expect_same_bits(one, copy(all.slice(i, i + 1)));
  }
}

RLE_FOR_EVERY_ISA(GemmTest);

}  // namespace
}  // namespace rle
