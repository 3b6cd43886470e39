#include "kernel/top_k.h"

#include <cmath>
#include <limits>

#include "kernel/isa_testing.h"

namespace rle {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class TopKTest : public IsaTest {
 protected:
  int64_t below(int64_t n) { return static_cast<int64_t>(stream_.below(static_cast<uint64_t>(n))); }
  // Whole numbers up to `largest` in size: scores are exact, and few, so that many are equal.
  Matrix whole_numbers(int64_t rows, int64_t cols, int64_t largest) {
    Matrix m = new_matrix(arena_, rows, cols);
    for (int64_t i = 0; i < m.size(); ++i) m.data[i] = static_cast<float>(below(2 * largest + 1) - largest);
    return m;
  }
  TopK search(ConstMatrix items, const TopKRequest& request, int threads = 1) {
    ThreadPool pool(threads);
    return TopKIndex(items).search(request, pool);
  }
};

void expect_same(const TopK& got, const TopK& want) {
  ASSERT_EQ(got.offsets, want.offsets);
  ASSERT_EQ(got.item, want.item);
  ASSERT_EQ(got.score, want.score);
}

// Lists of excluded items and bounds of the items, per query; kept alive beside the request.
struct Limits {
  std::vector<int64_t> offsets{0};
  std::vector<uint32_t> excluded, end;
};

TEST_P(TopKTest, EqualsTheOracleOnScoresWithManyTies) {
  int64_t cut_short = 0;
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    const int64_t n = below(12) + (round % 10 == 0 ? 300 : 0), m = below(round % 3 == 0 ? 3000 : 90);
    const int64_t d = below(6);
    const Matrix queries = whole_numbers(n, d, 1 + round % 4), items = whole_numbers(m, d, 1 + round % 3);
    Limits limits;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t share = below(10);
      for (int64_t item = 0; item < m; ++item)
        if (below(12) < share - 2) limits.excluded.push_back(static_cast<uint32_t>(item));
      limits.offsets.push_back(static_cast<int64_t>(limits.excluded.size()));
      limits.end.push_back(static_cast<uint32_t>(below(m + 20)));
    }
    TopKRequest request{.queries = queries, .k = 1 + below(round % 2 == 0 ? 15 : 400)};
    if (round % 4 != 1) request.excluded_offsets = limits.offsets.data();
    if (round % 4 != 1) request.excluded = limits.excluded.data();
    if (round % 4 != 2) request.item_end = limits.end.data();
    const TopK want = top_k_oracle(items, request);
    ASSERT_NO_FATAL_FAILURE(expect_same(search(items, request), want));
    for (int64_t i = 0; i < n; ++i)
      cut_short +=
          want.offsets[static_cast<size_t>(i) + 1] - want.offsets[static_cast<size_t>(i)] < request.k;
  }
  EXPECT_GT(cut_short, 50);  // queries with fewer items left than k
}

TEST_P(TopKTest, RealScoresAreTheProductsAndInTheirOrder) {
  const Matrix queries = random(300, 70), items = random(2100, 70);
  const TopKRequest request{.queries = queries, .k = 12};
  const TopK got = search(items, request), want = top_k_oracle(items, request);
  ASSERT_EQ(got.offsets, want.offsets);
  for (size_t r = 0; r < got.score.size(); ++r) {
    ASSERT_NEAR(got.score[r], want.score[r], 1e-4) << "result " << r;
    if (r % 12 != 0) {
      ASSERT_GE(got.score[r - 1], got.score[r]);
    }
    double sum = 0;
    for (int64_t c = 0; c < 70; ++c)
      sum += double{queries.row(static_cast<int64_t>(r) / 12)[c]} * double{items.row(got.item[r])[c]};
    ASSERT_NEAR(got.score[r], sum, 1e-4) << "the score is that of another item";
  }
}

TEST_P(TopKTest, NeitherThreadsNorOtherQueriesChangeAnything) {
  const Matrix queries = random(900, 33), items = random(1700, 33);
  const TopK whole = search(items, {.queries = queries, .k = 20});
  ASSERT_NO_FATAL_FAILURE(expect_same(search(items, {.queries = queries, .k = 20}, 2), whole));
  ASSERT_NO_FATAL_FAILURE(expect_same(search(items, {.queries = queries, .k = 20}, 4), whole));
  for (const int64_t begin : {0, 1, 255, 256, 301, 899}) {
    const TopK part = search(items, {.queries = queries.slice(begin, 900), .k = 20});
    ASSERT_TRUE(std::equal(part.item.begin(), part.item.end(), whole.item.begin() + begin * 20));
    ASSERT_TRUE(std::equal(part.score.begin(), part.score.end(), whole.score.begin() + begin * 20));
  }
}

TEST_P(TopKTest, MoreItemsChangeNoScore) {
  const Matrix queries = random(40, 65), items = random(1300, 65);
  const int64_t all = 1300;
  const TopK whole = search(items, {.queries = queries, .k = all});
  for (const int64_t m : {1, 63, 64, 511, 512, 513, 1299}) {
    const TopK part = search(items.slice(0, m), {.queries = queries, .k = all});
    for (int64_t i = 0; i < 40; ++i) {
      std::vector<std::pair<uint32_t, float>> got, want;
      for (int64_t r = 0; r < m; ++r)
        got.emplace_back(part.item[static_cast<size_t>(i * m + r)],
                         part.score[static_cast<size_t>(i * m + r)]);
      for (int64_t r = 0; r < all; ++r)
        if (const size_t place = static_cast<size_t>(i * all + r); whole.item[place] < m)
          want.emplace_back(whole.item[place], whole.score[place]);
      ASSERT_EQ(got, want);
    }
  }
}

// An item without a number is out; infinite scores are ranked.
TEST_P(TopKTest, NanIsNeverReturned) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const int64_t m : {6, 700}) {
    Matrix items = whole_numbers(m, 2, 3);
    for (int64_t item = 0; item < m; ++item) items.row(item)[1] = item % 3 == 0 ? nan : 0;
    items.row(1)[0] = -kInfinity;
    items.row(4)[0] = kInfinity;
    float values[] = {1, 1, nan, 0};
    const TopK got = search(items, {.queries = ConstMatrix(values, 2, 2), .k = m});
    ASSERT_EQ(got.offsets[1], m - (m + 2) / 3);
    ASSERT_EQ(got.offsets[2], got.offsets[1]) << "all scores of the second query are NaN";
    EXPECT_EQ(got.item.front(), 4);
    EXPECT_EQ(got.score.front(), kInfinity);
    EXPECT_EQ(got.item.back(), 1);
    EXPECT_EQ(got.score.back(), -kInfinity);
    for (const uint32_t item : got.item) ASSERT_NE(item % 3, 0);
  }
}

TEST_P(TopKTest, SmallLiteralExample) {
  float item_values[] = {1, 0, 0, 1, 1, 0, 2, -1}, query_values[] = {1, 0, 0, 1};
  const ConstMatrix items(item_values, 4, 2);
  const int64_t offsets[] = {0, 1, 1};
  const uint32_t excluded[] = {3};
  const TopKRequest request{
      .queries = ConstMatrix(query_values, 2, 2), .k = 3, .excluded_offsets = offsets, .excluded = excluded};
  expect_same(search(items, request), {{0, 3, 6}, {0, 2, 1, 1, 0, 2}, {1, 1, 0, 1, 0, 0}});
  expect_same(search(items.slice(0, 0), request), {{0, 0, 0}, {}, {}});
  expect_same(search(items, {.queries = ConstMatrix(query_values, 0, 2)}), {{0}, {}, {}});
}

RLE_FOR_EVERY_ISA(TopKTest);

}  // namespace
}  // namespace rle
