// For tests of this folder: a fixture that runs every test on one instruction set, with matrices to compare.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "kernel/isa.h"
#include "tensor/matrix.h"

namespace rle {

class IsaTest : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (GetParam() > supported_isa()) GTEST_SKIP() << "this CPU has no " << to_string(GetParam());
    isa_.emplace(GetParam());
  }
  Matrix random(int64_t rows, int64_t cols) {
    Matrix m = new_matrix(arena_, rows, cols);
    for (int64_t i = 0; i < m.size(); ++i) m.data[i] = static_cast<float>(stream_.normal());
    return m;
  }
  Matrix copy(ConstMatrix from) {
    Matrix m = new_matrix(arena_, from.rows, from.cols);
    for (int64_t i = 0; i < from.rows; ++i) std::copy(from.row(i), from.row(i) + from.cols, m.row(i));
    return m;
  }
  // |got - want| <= tolerance * max(1, |want|), element by element.
  static void expect_near(ConstMatrix got, ConstMatrix want, double tolerance) {
    ASSERT_EQ(got.rows, want.rows);
    ASSERT_EQ(got.cols, want.cols);
    for (int64_t i = 0; i < got.rows; ++i)
      for (int64_t j = 0; j < got.cols; ++j)
        ASSERT_NEAR(got.row(i)[j], want.row(i)[j], tolerance * std::max(1.0f, std::abs(want.row(i)[j])))
            << "row " << i << ", column " << j;
  }
  static void expect_equal(ConstMatrix got, ConstMatrix want) { expect_near(got, want, 0.0); }

  Arena arena_;
  RngStream stream_{RngKey(12)};
  std::optional<ScopedIsa> isa_;
};

inline std::vector<Isa> usable_isas() {
  std::vector<Isa> out;
  for (Isa isa : kAllIsas)
    if (isa <= supported_isa()) out.push_back(isa);
  return out;
}

#define RLE_FOR_EVERY_ISA(fixture)                                       \
  INSTANTIATE_TEST_SUITE_P(Isas, fixture, ::testing::ValuesIn(kAllIsas), \
                           [](const auto& info) { return std::string(to_string(info.param)); })

}  // namespace rle
