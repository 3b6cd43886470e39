#include "kernel/segment.h"

#include "kernel/isa_testing.h"

namespace rle {
namespace {

constexpr int64_t kColumns[] = {1, 6, 17, 128};

// Lists of random rows, and the CSR that views them.
struct Lists {
  std::vector<int32_t> offsets{0}, index;
  Csr csr() const { return {offsets.data(), index.data()}; }
  int64_t count() const { return static_cast<int64_t>(offsets.size()) - 1; }
};

class SegmentTest : public IsaTest {
 protected:
  // About a third of the lists are empty; rows may come twice in a list.
  Lists random_lists(int64_t count, int64_t rows) {
    Lists lists;
    for (int64_t i = 0; i < count; ++i) {
      const uint64_t length = stream_.below(3) == 0 ? 0 : stream_.below(6);
      for (uint64_t e = 0; e < length; ++e)
        lists.index.push_back(static_cast<int32_t>(stream_.below(static_cast<uint64_t>(rows))));
      lists.offsets.push_back(static_cast<int32_t>(lists.index.size()));
    }
    return lists;
  }
  static std::vector<float> inverse_lengths(const Lists& lists) {
    std::vector<float> out;
    for (int64_t i = 0; i < lists.count(); ++i) {
      const int32_t length = lists.csr().offsets[i + 1] - lists.csr().offsets[i];
      out.push_back(length == 0 ? 0.0f : 1.0f / static_cast<float>(length));
    }
    return out;
  }
};

TEST_P(SegmentTest, SumsAndMeansEqualTheOracle) {
  for (int64_t cols : kColumns) {
    const Lists lists = random_lists(23, 9);
    const std::vector<float> mean = inverse_lengths(lists);
    const Matrix x = random(9, cols), y = random(23, cols), want = copy(y);
    for (const float* scale : {static_cast<const float*>(nullptr), mean.data()})
      for (SegmentMode mode : {SegmentMode::kAccumulate, SegmentMode::kOverwrite}) {
        segment_sum(lists.csr(), scale, x, 0, 23, mode, y);
        segment_sum_oracle(lists.csr(), scale, x, 0, 23, mode, want);
        expect_near(y, want, 2e-6);
      }
  }
}

// Lists of many rows, of one row or none, one row for all, scaled or not, stopped at a limit: in one pass.
TEST_P(SegmentTest, SumsOfSeveralTermsEqualTheOracle) {
  for (int64_t cols : kColumns) {
    const Lists lists = random_lists(23, 9), transposed_of = random_lists(15, 23);
    const Csr transposed = transpose(transposed_of.csr(), 15, 23, arena_);
    const Matrix x = random(9, cols), row = random(1, cols), dy = random(15, cols), scales = random(1, 23);
    std::vector<int32_t> single;
    for (int i = 0; i < 23; ++i) single.push_back(static_cast<int32_t>(stream_.below(10)) - 1);
    const ListTerm terms[] = {{row.data},
                              {row.data, nullptr, nullptr, scales.data},
                              {x.data, lists.offsets.data(), lists.index.data(), scales.data},
                              {x.data, nullptr, single.data()},
                              {x.data, nullptr, single.data(), scales.data},
                              {dy.data, transposed.offsets, transposed.index, scales.data, true, 11},
                              {x.data, lists.offsets.data(), lists.index.data()}};
    const Matrix y = random(16, cols), want = copy(y);
    for (SegmentMode mode : {SegmentMode::kAccumulate, SegmentMode::kOverwrite}) {
      list_sum(terms, 4, 20, mode, y);
      list_sum_oracle(terms, 4, 20, mode, want);
      expect_near(y, want, 5e-6);
    }
    list_sum({}, 4, 20, SegmentMode::kOverwrite, y);
    for (int64_t i = 0; i < y.size(); ++i) ASSERT_EQ(y.data[i], 0.0f);
  }
}

// Some columns of wider rows; the others stay as they were.
TEST_P(SegmentTest, SumsOfSomeColumnsLeaveTheOthers) {
  for (int64_t cols : kColumns) {
    const Lists lists = random_lists(23, 9);
    const Matrix x = random(9, cols + 7), y = random(23, cols + 7), want = copy(y);
    const ListTerm term{x.data + 3, lists.offsets.data(), lists.index.data()};
    list_sum({&term, 1}, 0, 23, SegmentMode::kOverwrite, y.columns(3, 3 + cols));
    list_sum_oracle({&term, 1}, 0, 23, SegmentMode::kOverwrite, want.columns(3, 3 + cols));
    expect_near(y, want, 5e-6);
  }
}

// Values from a few, so that many are equal.
TEST_P(SegmentTest, MaximaTiesAndTheirGradientsEqualTheOracle) {
  for (int64_t cols : kColumns) {
    const Lists lists = random_lists(23, 9);
    const Csr transposed = transpose(lists.csr(), 23, 9, arena_);
    const Matrix x = random(9, cols), y = random(23, cols), ties = random(23, cols), want_y = copy(y),
                 want_ties = copy(ties), dy = random(23, cols), dx = random(9, cols), want_dx = copy(dx);
    for (int64_t i = 0; i < x.size(); ++i) x.data[i] = std::round(x.data[i]);
    segment_max(lists.csr(), x, 2, 23, y, ties);
    segment_max_oracle(lists.csr(), x, 2, 23, want_y, want_ties);
    expect_equal(y, want_y);
    expect_equal(ties, want_ties);
    segment_max(lists.csr(), x, 0, 2, y, ties);
    for (int64_t limit : {0, 12, 23}) {
      segment_max_backward(transposed, limit, x, y, ties, dy, 1, 9, dx);
      segment_max_backward_oracle(transposed, limit, x, y, ties, dy, 1, 9, want_dx);
      expect_near(dx, want_dx, 1e-6);
    }
  }
}

TEST_P(SegmentTest, OnlyTheAskedListsAreWritten) {
  const Lists lists = random_lists(10, 4);
  const Matrix x = random(4, 17), y = random(10, 17), before = copy(y), all = random(10, 17);
  segment_sum(lists.csr(), nullptr, x, 0, 10, SegmentMode::kOverwrite, all);
  segment_sum(lists.csr(), nullptr, x, 3, 7, SegmentMode::kOverwrite, y);
  expect_equal(y.slice(0, 3), before.slice(0, 3));
  expect_equal(y.slice(3, 7), all.slice(3, 7));
  expect_equal(y.slice(7, 10), before.slice(7, 10));
}

TEST_P(SegmentTest, GatherEqualsTheOracleAndLeavesOutMinusOne) {
  for (int64_t cols : kColumns) {
    const Matrix x = random(5, cols), y = random(8, cols), want = copy(y);
    const int32_t index[] = {4, -1, 0, 0, 3, -1, 2, 4};
    for (SegmentMode mode : {SegmentMode::kAccumulate, SegmentMode::kOverwrite}) {
      gather_rows(index, x, 1, 7, mode, y);
      gather_rows_oracle(index, x, 1, 7, mode, want);
      expect_equal(y, want);
    }
    for (int64_t j = 0; j < cols; ++j) ASSERT_EQ(y.row(1)[j], 0.0f);
  }
}

TEST_P(SegmentTest, ColumnSumsAreAdded) {
  for (int64_t cols : kColumns) {
    const Matrix x = random(31, cols), got = random(1, cols), want = copy(got);
    add_column_sums(x, got.data);
    add_column_sums_oracle(x, want.data);
    expect_near(got, want, 1e-5);
    const Matrix scale = random(1, 31);
    add_column_sums(x, got.data, scale.data);
    add_column_sums_oracle(x, want.data, scale.data);
    expect_near(got, want, 2e-5);
  }
}

// <sum(x), dy> = <x, sum over the transposed lists of dy>.
TEST_P(SegmentTest, SumBackwardIsTheAdjointOfTheSum) {
  const Lists lists = random_lists(40, 12);
  const std::vector<float> mean = inverse_lengths(lists);
  const Matrix x = random(12, 17), y = random(40, 17), dy = random(40, 17),
               dx = new_zero_matrix(arena_, 12, 17);
  segment_sum(lists.csr(), mean.data(), x, 0, 40, SegmentMode::kOverwrite, y);
  const Csr transposed = transpose(lists.csr(), 40, 12, arena_);
  const ListTerm term{dy.data, transposed.offsets, transposed.index, mean.data(), true};
  list_sum({&term, 1}, 0, 12, SegmentMode::kOverwrite, dx);
  double forward = 0, backward = 0;
  for (int64_t i = 0; i < y.size(); ++i) forward += double{y.data[i]} * double{dy.data[i]};
  for (int64_t i = 0; i < x.size(); ++i) backward += double{x.data[i]} * double{dx.data[i]};
  EXPECT_NEAR(forward, backward, 1e-4);
}

TEST_P(SegmentTest, NoListsAndNoRows) {
  const Lists none;
  const Matrix empty(nullptr, 0, 6);
  segment_sum(none.csr(), nullptr, empty, 0, 0, SegmentMode::kOverwrite, empty);
  gather_rows(nullptr, empty, 0, 0, SegmentMode::kOverwrite, empty);
  const Matrix sums = random(1, 6), before = copy(sums);
  add_column_sums(empty, sums.data);
  expect_equal(sums, before);
  const Csr transposed = transpose(none.csr(), 0, 3, arena_);
  EXPECT_EQ(std::vector<int32_t>(transposed.offsets, transposed.offsets + 4),
            (std::vector<int32_t>{0, 0, 0, 0}));
}

RLE_FOR_EVERY_ISA(SegmentTest);

TEST(SegmentMax, LiteralExampleWithTiesAndAnEmptyList) {
  float data[] = {1, -5, 3, -5, 3, -7};
  const ConstMatrix x(data, 3, 2);
  const int32_t offsets[] = {0, 3, 3, 5}, index[] = {0, 1, 2, 2, 2};
  float best[6], count[6];
  const Matrix y(best, 3, 2), ties(count, 3, 2);
  segment_max({offsets, index}, x, 0, 3, y, ties);
  EXPECT_EQ(std::vector<float>(best, best + 6), (std::vector<float>{3, -5, 0, 0, 3, -7}));
  EXPECT_EQ(std::vector<float>(count, count + 6), (std::vector<float>{2, 2, 0, 0, 2, 2}));

  Arena arena;
  const Csr transposed = transpose({offsets, index}, 3, 3, arena);
  const float gradient[] = {8, 4, 100, 100, 6, 2};
  float sum[6] = {0, 0, 0, 0, 0, 0};
  segment_max_backward(transposed, 3, x, y, ties, ConstMatrix(gradient, 3, 2), 0, 3, Matrix(sum, 3, 2));
  // Row 0 reaches the maximum of column 1 only; rows 1 and 2 share column 0 of list 0; row 2 is all of list
  // 2, twice.
  EXPECT_EQ(std::vector<float>(sum, sum + 6), (std::vector<float>{0, 2, 4, 2, 4 + 6, 2}));

  std::fill(sum, sum + 6, 1.0f);
  segment_max_backward(transposed, 1, x, y, ties, ConstMatrix(gradient, 1, 2), 1, 3, Matrix(sum, 3, 2));
  EXPECT_EQ(std::vector<float>(sum, sum + 6), (std::vector<float>{1, 1, 5, 3, 5, 1}))
      << "limit 1, rows 1 and 2, added";
}

TEST(Transpose, ListNumbersAscendByRow) {
  Arena arena;
  const int32_t offsets[] = {0, 2, 2, 5, 6}, index[] = {3, 1, 1, 3, 1, 0};
  const Csr transposed = transpose({offsets, index}, 4, 5, arena);
  EXPECT_EQ(std::vector<int32_t>(transposed.offsets, transposed.offsets + 6),
            (std::vector<int32_t>{0, 1, 4, 4, 6, 6}));
  EXPECT_EQ(std::vector<int32_t>(transposed.index, transposed.index + 6),
            (std::vector<int32_t>{3, 0, 2, 2, 0, 2}));
}

TEST(Transpose, AGatherLeavesOutMinusOne) {
  Arena arena;
  const int32_t index[] = {2, -1, 0, 2, -1, 2};
  const Csr transposed = transpose_gather(index, 6, 4, arena);
  EXPECT_EQ(std::vector<int32_t>(transposed.offsets, transposed.offsets + 5),
            (std::vector<int32_t>{0, 1, 1, 4, 4}));
  EXPECT_EQ(std::vector<int32_t>(transposed.index, transposed.index + 4), (std::vector<int32_t>{2, 0, 3, 5}));
}

}  // namespace
}  // namespace rle
