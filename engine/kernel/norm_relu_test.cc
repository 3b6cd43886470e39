#include "kernel/norm_relu.h"

#include "kernel/isa_testing.h"

namespace rle {
namespace {

constexpr int64_t kColumns[] = {1, 6, 17, 64, 72, 128};
constexpr int64_t kRows = 37;

class NormReluTest : public IsaTest {
 protected:
  NormReluSaved new_saved(int64_t rows, int64_t cols, float scale) {
    return {new_matrix(arena_, rows, cols), arena_.allocate<float>(rows),
            arena_.allocate<uint8_t>(rows * mask_bytes(cols)), scale};
  }
  // Weights about one, biases about `bias`: 0 leaves half of the values, 10 all of them.
  NormParameters parameters(int64_t cols, float bias) {
    const Matrix weight = random(1, cols), shift = random(1, cols);
    for (int64_t j = 0; j < cols; ++j) weight.data[j] = 1.0f + 0.3f * weight.data[j];
    for (int64_t j = 0; j < cols; ++j) shift.data[j] = bias + 0.5f * shift.data[j];
    return {weight.data, shift.data};
  }
  std::vector<uint32_t> keys(int64_t rows) {
    std::vector<uint32_t> out;
    for (int64_t i = 0; i < rows; ++i) out.push_back(static_cast<uint32_t>(stream_.next()));
    return out;
  }
};

TEST_P(NormReluTest, ForwardAndRebuildEqualTheOracle) {
  const std::vector<uint32_t> row_keys = keys(kRows);
  for (int64_t cols : kColumns)
    for (float probability : {0.0f, 0.3f}) {
      const Dropout dropout{probability, row_keys.data()};
      const NormParameters norm = parameters(cols, 0.2f);
      const Matrix x = random(kRows, cols), y = random(kRows, cols), want = random(kRows, cols);
      const NormReluSaved saved = new_saved(kRows, cols, dropout.scale());
      const NormReluSaved oracle = new_saved(kRows, cols, dropout.scale());
      norm_relu_forward(x, norm, dropout, saved, y);
      norm_relu_forward_oracle({x, norm, dropout, oracle, want});
      expect_near(y, want, 1e-5);
      expect_near(saved.normalised, oracle.normalised, 1e-5);
      for (int64_t i = 0; i < kRows; ++i)
        ASSERT_NEAR(saved.inverse_std[i], oracle.inverse_std[i], 1e-5 * double{oracle.inverse_std[i]});
      for (int64_t i = 0; i < kRows; ++i)
        for (int64_t j = 0; j < cols; ++j) {
          // Nearer to zero, rounding may decide.
          const bool clear = y.row(i)[j] > 1e-5f || want.row(i)[j] > 1e-5f;
          ASSERT_EQ(saved.passed(i, j), clear || y.row(i)[j] > 0) << "row " << i << ", column " << j;
        }

      const Matrix again = random(kRows, cols);
      norm_relu_rebuild(saved, norm, again);
      expect_near(again, y, 1e-6);

      const NormReluSaved far = new_saved(kRows, cols, dropout.scale());
      norm_relu_forward({x, norm, dropout, far, again, {}, false});
      expect_equal(again, y);
      expect_equal(far.normalised, saved.normalised);
    }
}

TEST_P(NormReluTest, BackwardEqualsTheOracleAndAddsToParameterGradients) {
  const std::vector<uint32_t> row_keys = keys(kRows);
  for (int64_t cols : kColumns)
    for (float probability : {0.0f, 0.3f}) {
      const Dropout dropout{probability, row_keys.data()};
      const NormParameters norm = parameters(cols, 0.2f);
      const Matrix x = random(kRows, cols), y = random(kRows, cols), dy = random(kRows, cols),
                   dx = random(kRows, cols);
      const NormReluSaved saved = new_saved(kRows, cols, dropout.scale());
      norm_relu_forward(x, norm, dropout, saved, y);
      const Matrix gradients = random(2, cols), want_gradients = copy(gradients), want = random(kRows, cols);
      norm_relu_backward_oracle({dy, saved, norm, want_gradients.row(0), want_gradients.row(1), want});
      norm_relu_backward(dy, saved, norm.weight, gradients.row(0), gradients.row(1), dx);
      expect_near(gradients, want_gradients, 2e-5);
      // One column: 1/std is 316 and the exact gradient is zero.
      expect_near(dx, want, cols == 1 ? 1e-3 : 2e-5);
    }
}

// What a residual block asks for on top: the shortcut added, the output rebuilt, column sums of dx; matrices
// that are columns of wider ones, whose other columns must stay as they are.
TEST_P(NormReluTest, ShortcutSumsAndRebuiltOutputEqualTheOracle) {
  const std::vector<uint32_t> row_keys = keys(kRows);
  const auto inner = [](Matrix wide) { return wide.columns(3, wide.cols - 2); };
  for (int64_t cols : kColumns) {
    const Dropout dropout{0.3f, row_keys.data()};
    const NormParameters norm = parameters(cols, 0.2f);
    const Matrix wide_y = random(kRows, cols + 5), wide_want = copy(wide_y), y = inner(wide_y);
    const Matrix x = inner(random(kRows, cols + 5)), shortcut = inner(random(kRows, cols + 5));
    const NormReluSaved saved = new_saved(kRows, cols, dropout.scale());
    norm_relu_forward_oracle({x, norm, dropout, saved, inner(wide_want), shortcut});
    norm_relu_forward({x, norm, dropout, saved, y, shortcut});
    expect_near(wide_y, wide_want, 1e-5);
    const Matrix in_place = copy(shortcut);
    norm_relu_forward({x, norm, dropout, saved, in_place, in_place});
    expect_equal(in_place, y);

    const Matrix dy = inner(random(kRows, cols + 5)), sums = random(3, cols), want_sums = copy(sums);
    const Matrix wide_dx = random(kRows, cols + 5), want_dx = copy(wide_dx);
    const Matrix wide_rebuilt = random(kRows, cols + 5), want_rebuilt = copy(wide_rebuilt);
    norm_relu_backward(
        {dy, saved, norm, sums.row(0), sums.row(1), inner(wide_dx), sums.row(2), inner(wide_rebuilt)});
    norm_relu_backward_oracle({dy, saved, norm, want_sums.row(0), want_sums.row(1), inner(want_dx),
                               want_sums.row(2), inner(want_rebuilt)});
    expect_near(wide_rebuilt, want_rebuilt, 1e-5);
    expect_near(wide_dx, want_dx, cols == 1 ? 1e-3 : 2e-5);
    expect_near(sums, want_sums, cols == 1 ? 1e-3 : 5e-5);
    const Matrix rebuilt = random(kRows, cols);
    norm_relu_rebuild(saved, norm, rebuilt);
    expect_near(inner(wide_rebuilt), rebuilt, 1e-6);
  }
}

TEST_P(NormReluTest, WorksInPlaceAsTheHeaderPromises) {
  const NormParameters norm = parameters(17, 0.0f);
  const Matrix x = random(5, 17), y = random(5, 17), in_place_y = random(5, 17), dy = random(5, 17),
               dx = random(5, 17);
  const NormReluSaved saved = new_saved(5, 17, 1.0f), in_place = new_saved(5, 17, 1.0f);
  std::copy(x.data, x.data + x.size(), in_place.normalised.data);
  norm_relu_forward(x, norm, {}, saved, y);
  norm_relu_forward(in_place.normalised, norm, {}, in_place, in_place_y);
  expect_equal(in_place_y, y);
  expect_equal(in_place.normalised, saved.normalised);
  const Matrix gradients = new_zero_matrix(arena_, 2, 17), other = new_zero_matrix(arena_, 2, 17),
               work = copy(dy);
  norm_relu_backward(dy, saved, norm.weight, gradients.row(0), gradients.row(1), dx);
  norm_relu_backward(work, saved, norm.weight, other.row(0), other.row(1), work);
  expect_equal(work, dx);
  expect_equal(other, gradients);
}

// Two passes over a row: a mean far from zero costs no more than the rounding of the input itself.
TEST_P(NormReluTest, ALargeMeanDoesNotDrownTheVariance) {
  const Matrix x = random(9, 128), y = random(9, 128), want = random(9, 128);
  for (int64_t i = 0; i < x.size(); ++i) x.data[i] += 4096.0f;
  const NormParameters norm = parameters(128, 0.0f);
  const NormReluSaved saved = new_saved(9, 128, 1.0f), oracle = new_saved(9, 128, 1.0f);
  norm_relu_forward(x, norm, {}, saved, y);
  norm_relu_forward_oracle({x, norm, {}, oracle, want});
  expect_near(saved.normalised, oracle.normalised, 3e-3);
}

TEST_P(NormReluTest, AConstantRowGivesTheBias) {
  const Matrix x = random(1, 6), y = random(1, 6);
  std::fill(x.data, x.data + 6, 2.5f);
  const float weight[] = {1, 2, 3, 4, 5, 6}, bias[] = {0.5f, -0.5f, 1, 0, -1, 2};
  const NormReluSaved saved = new_saved(1, 6, 1.0f);
  norm_relu_forward(x, {weight, bias}, {}, saved, y);
  EXPECT_EQ(std::vector<float>(y.data, y.data + 6), (std::vector<float>{0.5f, 0, 1, 0, 0, 2}));
  EXPECT_EQ(saved.mask[0], 0b100101);
}

// With a bias of ten everything passes the ReLU: the mask is dropout alone.
TEST_P(NormReluTest, MasksAreTheHashOfKeyAndColumn) {
  const std::vector<uint32_t> row_keys = keys(kRows);
  for (int64_t cols : kColumns) {
    const Matrix x = random(kRows, cols), y = random(kRows, cols);
    const NormReluSaved saved = new_saved(kRows, cols, 1.0f / 0.7f);
    norm_relu_forward(x, parameters(cols, 10.0f), {0.3f, row_keys.data()}, saved, y);
    for (int64_t i = 0; i < kRows; ++i)
      for (int64_t j = 0; j < cols; ++j)
        ASSERT_EQ(saved.passed(i, j),
                  dropout_bits(row_keys[static_cast<size_t>(i)], static_cast<uint32_t>(j)) >=
                      static_cast<uint32_t>(double{0.3f} * 0x1p16))
            << "row " << i << ", column " << j;
  }
}

TEST_P(NormReluTest, ATileGetsTheMasksOfTheWhole) {
  const std::vector<uint32_t> row_keys = keys(kRows);
  const NormParameters norm = parameters(17, 0.5f);
  const Matrix x = random(kRows, 17), y = random(kRows, 17), tile_y = random(8, 17);
  const NormReluSaved saved = new_saved(kRows, 17, 2.0f), tile = new_saved(8, 17, 2.0f);
  norm_relu_forward(x, norm, {0.5f, row_keys.data()}, saved, y);
  norm_relu_forward(x.slice(20, 28), norm, {0.5f, row_keys.data() + 20}, tile, tile_y);
  expect_equal(tile_y, y.slice(20, 28));
}

TEST_P(NormReluTest, NoRows) {
  const NormParameters norm = parameters(6, 0.0f);
  const NormReluSaved saved = new_saved(0, 6, 1.0f);
  const Matrix empty(nullptr, 0, 6), gradients = random(2, 6), before = copy(gradients);
  norm_relu_forward(empty, norm, {}, saved, empty);
  norm_relu_rebuild(saved, norm, empty);
  norm_relu_backward(empty, saved, norm.weight, gradients.row(0), gradients.row(1), empty);
  expect_equal(gradients, before);
}

RLE_FOR_EVERY_ISA(NormReluTest);

// Dropped shares of many rows, by rows and by columns, and agreement of neighbouring rows and columns: within
// five standard deviations of independent draws.
TEST(DropoutBits, DropsAtItsRateAndIndependently) {
  constexpr int64_t rows = 4096, cols = 128;
  constexpr double probability = 0.2;
  const auto dropped = [](int64_t i, int64_t j) {
    const uint32_t key = static_cast<uint32_t>(RngKey(3).bits(static_cast<uint64_t>(i)) >> 32);
    return dropout_bits(key, static_cast<uint32_t>(j)) < static_cast<uint32_t>(probability * 0x1p16);
  };
  std::vector<int> by_column(cols);
  int64_t total = 0, next_column = 0, next_row = 0;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) {
      if (!dropped(i, j)) continue;
      ++total;
      ++by_column[static_cast<size_t>(j)];
      next_column += dropped(i, j + 1);
      next_row += dropped(i + 1, j);
    }
  const auto expect_count = [](int64_t count, double n, double p) {
    EXPECT_NEAR(static_cast<double>(count), n * p, 5 * std::sqrt(n * p * (1 - p)));
  };
  expect_count(total, rows * cols, probability);
  expect_count(next_column, rows * cols, probability * probability);
  expect_count(next_row, rows * cols, probability * probability);
  for (int count : by_column) expect_count(count, rows, probability);
}

TEST(DropoutBits, KeysOneApartShareNoMask) {
  int equal = 0;
  for (uint32_t j = 0; j < 1000; ++j)
    equal += (dropout_bits(7, j) < 1u << 15) == (dropout_bits(8, j) < 1u << 15);
  EXPECT_NEAR(equal, 500, 5 * std::sqrt(250.0));
}

}  // namespace
}  // namespace rle
