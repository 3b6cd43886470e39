#include "kernel/small_product.h"

#include "kernel/isa_testing.h"

namespace rle {
namespace {

class SmallProductTest : public IsaTest {};

struct Size {
  int64_t rows, cols;
};
constexpr Size kSizes[] = {{1, 1}, {3, 5}, {17, 6}, {8, 33}, {128, 128}, {0, 4}, {4, 0}};

// Each operates on columns [2, 2 + cols) of a wider matrix, whose other columns must stay out of it.
Matrix inner_columns(Matrix wide, int64_t cols) { return wide.columns(2, 2 + cols); }

TEST_P(SmallProductTest, MatrixTimesVectorEqualsTheOracle) {
  for (const auto& [rows, cols] : kSizes) {
    const Matrix w = inner_columns(random(rows, cols + 5), cols), x = random(1, cols);
    const Matrix got = random(1, rows), want = random(1, rows);  // what was there is overwritten
    multiply_vector(w, x.data, got.data);
    multiply_vector_oracle(w, x.data, want.data);
    expect_near(got, want, 2e-5);
  }
}

TEST_P(SmallProductTest, TransposedProductIsAdded) {
  for (const auto& [rows, cols] : kSizes) {
    const Matrix w = inner_columns(random(rows, cols + 5), cols), y = random(1, rows);
    const Matrix got = random(1, cols), want = copy(got);
    add_transposed_product(w, y.data, got.data);
    add_transposed_product_oracle(w, y.data, want.data);
    expect_near(got, want, 2e-5);
  }
}

TEST_P(SmallProductTest, OuterProductIsAddedToItsColumnsOnly) {
  for (const auto& [rows, cols] : kSizes) {
    const Matrix wide = random(rows, cols + 5), want = copy(wide), y = random(1, rows), x = random(1, cols);
    add_outer_product(y.data, x.data, inner_columns(wide, cols));
    add_outer_product_oracle(y.data, x.data, inner_columns(want, cols));
    expect_near(wide, want, 1e-6);
    expect_equal(wide.columns(0, 2), want.columns(0, 2));
    expect_equal(wide.columns(2 + cols, 5 + cols), want.columns(2 + cols, 5 + cols));
  }
}

TEST_P(SmallProductTest, TwoProductsAtOnceEqualOneAfterTheOther) {
  for (const auto& [rows, cols] : kSizes) {
    const Matrix wide = random(rows, cols + 5), w = inner_columns(wide, cols), x = random(2, cols),
                 y = random(2, rows);
    const Matrix got_y = random(2, rows), want_y = random(2, rows), got_x = random(2, cols),
                 want_x = copy(got_x);
    const Matrix want = copy(wide);
    multiply_two_vectors(w, {x.row(0), x.row(1)}, {got_y.row(0), got_y.row(1)});
    add_two_transposed_products(w, {y.row(0), y.row(1)}, {got_x.row(0), got_x.row(1)});
    for (int64_t v = 0; v < 2; ++v) {
      multiply_vector_oracle(w, x.row(v), want_y.row(v));
      add_transposed_product_oracle(w, y.row(v), want_x.row(v));
      add_outer_product_oracle(y.row(v), x.row(v), inner_columns(want, cols));
    }
    expect_near(got_y, want_y, 2e-5);
    expect_near(got_x, want_x, 2e-5);
    add_two_outer_products({y.row(0), y.row(1)}, {x.row(0), x.row(1)}, w);
    expect_near(wide, want, 1e-5);
  }
}

TEST_P(SmallProductTest, SmallLiteralExample) {
  float data[] = {1, 2, 3, 4, 5, 6};
  const Matrix w(data, 2, 3);
  const float x[] = {1, 0, -1}, y[] = {1, 2};
  float product[2], sum[3] = {10, 20, 30};
  multiply_vector(w, x, product);
  EXPECT_EQ(product[0], -2);
  EXPECT_EQ(product[1], -2);
  add_transposed_product(w, y, sum);
  EXPECT_EQ(sum[0], 10 + 1 + 8);
  EXPECT_EQ(sum[1], 20 + 2 + 10);
  EXPECT_EQ(sum[2], 30 + 3 + 12);
  add_outer_product(y, x, w);
  EXPECT_EQ(std::vector<float>(data, data + 6), (std::vector<float>{2, 2, 2, 6, 5, 4}));
}

RLE_FOR_EVERY_ISA(SmallProductTest);

}  // namespace
}  // namespace rle
