// One small batch written out, what the key changes, what is refused, and the distinct values below it.
#include "sample/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/error.h"
#include "graph/test_tables.h"
#include "sample/distinct.h"

namespace rle {
namespace {

constexpr int64_t kSecond = 1'000'000;

// Users 0, 1; orders 0..4 at 10, 20, 20, 30, 40 s of users 0, 1, 0, 0, 1.
Graph shop() {
  Table users = test::numbered("users", 2);
  Table orders = test::table(
      "orders",
      {test::time_column("at", {10 * kSecond, 20 * kSecond, 20 * kSecond + 1, 30 * kSecond, 40 * kSecond}),
       test::int_column("user", {0, 1, 0, 0, 1})});
  orders.schema.time_column = "at";
  orders.schema.foreign_keys.push_back({"user", "users", "id", false});
  ThreadPool pool(1);
  ReportLines report;
  return Graph::build({users, orders}, pool, report);
}

TEST(Sampler, FillsABatchAsWrittenOut) {
  const Graph graph = shop();
  const Sampler sampler(graph, {.fanouts = {2, 1}, .strategy = TemporalStrategy::kLast});
  ThreadPool pool(1);
  Batch batch;
  sampler.sample({NodeTypeId(0), {70, 71, 72}, {0, 1, 0}, {30 * kSecond, 30 * kSecond, 10 * kSecond}},
                 RngKey(1), pool, batch);
  EXPECT_EQ(batch.seeds, 3);
  const NodeBlock &users = batch.nodes[0], &orders = batch.nodes[1];
  EXPECT_EQ(users.distinct, (std::vector<NodeId>{0, 1}));
  EXPECT_EQ(users.row, (std::vector<int32_t>{0, 1, 0}));
  EXPECT_EQ(users.hop_end, (std::vector<int64_t>{3, 3, 3}));  // the way back leads to the seed itself
  EXPECT_TRUE(users.delta.empty());
  EXPECT_EQ(orders.distinct, (std::vector<NodeId>{0, 1, 2, 3}));
  EXPECT_EQ(orders.row, (std::vector<int32_t>{2, 3, 1, 0}));
  EXPECT_EQ(orders.seed, (std::vector<int32_t>{0, 0, 1, 2}));
  EXPECT_EQ(orders.hop_end, (std::vector<int64_t>{0, 4, 4}));
  EXPECT_EQ(orders.delta_s, (std::vector<int64_t>{0, 10}));
  EXPECT_EQ(orders.delta, (std::vector<int32_t>{1, 0, 1, 0}));
  const EdgeBlock &down = batch.edges[0], &up = batch.edges[1];
  EXPECT_EQ(graph.schema().edge_types[0].name, "f2p_user");
  EXPECT_EQ(down.offsets, (std::vector<int32_t>{0, 2, 3, 4}));
  EXPECT_EQ(down.source, (std::vector<int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(up.offsets, (std::vector<int32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(up.source, (std::vector<int32_t>{0, 0, 1, 2}));
}

TEST(Sampler, AnotherKeyOrRowDrawsAnotherSubset) {
  Table hub = test::numbered("hub", 1), leaves = test::numbered("leaves", 1000, 1);
  test::link(leaves, hub, RngKey(0));
  ThreadPool pool(1);
  ReportLines report;
  const Graph graph = Graph::build({hub, leaves}, pool, report);
  const Sampler sampler(graph, {.fanouts = {30}});
  std::set<std::vector<NodeId>> drawn;
  Batch batch;
  for (uint64_t key = 0; key < 5; ++key)
    for (int64_t row = 0; row < 5; ++row) {
      sampler.sample({NodeTypeId(0), {static_cast<uint64_t>(row)}, {0}, {}}, RngKey(key), pool, batch);
      ASSERT_EQ(batch.nodes[1].distinct.size(), 30u);
      drawn.insert(batch.nodes[1].distinct);
    }
  EXPECT_EQ(drawn.size(), 25u);
}

// Chi-square over the neighbours that a seed may see, of entities whose seed times differ: each is drawn
// equally often, and those of the future never.
TEST(Sampler, VisibleNeighboursAreEquallyLikely) {
  constexpr int64_t kLeaves = 60, kFanout = 7, kDraws = 20'000;
  Table hub = test::numbered("hub", 1);
  test::Values<int64_t> times, parents;
  for (int64_t i = 0; i < kLeaves; ++i) times.emplace_back(i * kSecond), parents.emplace_back(0);
  Table leaves = test::table("leaves", {test::time_column("at", times), test::int_column("hub", parents)});
  leaves.schema.time_column = "at";
  leaves.schema.foreign_keys.push_back({"hub", "hub", "id", false});
  ThreadPool pool(1);
  ReportLines report;
  const Graph graph = Graph::build({hub, leaves}, pool, report);
  const Sampler sampler(graph, {.fanouts = {kFanout}});
  Batch batch;
  for (const int64_t visible : {20, 59}) {
    Seeds seeds{NodeTypeId(0), {}, {}, {}};
    for (uint64_t draw = 0; draw < kDraws; ++draw) {
      seeds.keys.push_back(draw);
      seeds.nodes.push_back(0);
      seeds.time_us.push_back((visible - 1) * kSecond);
    }
    sampler.sample(seeds, RngKey(5), pool, batch);
    std::vector<double> seen(kLeaves, 0);
    for (const int32_t row : batch.nodes[1].row) ++seen[batch.nodes[1].distinct[static_cast<size_t>(row)]];
    const double p = double(kFanout) / double(visible), expected = kDraws * p;
    double chi = 0;
    for (int64_t i = 0; i < kLeaves; ++i) {
      const double count = seen[static_cast<size_t>(i)];
      if (i < visible)
        chi += (count - expected) * (count - expected) / (expected * (1 - p));
      else
        EXPECT_EQ(count, 0) << i;
    }
    chi *= double(visible - 1) / double(visible);  // draws without replacement
    EXPECT_NEAR(chi, double(visible - 1), 5 * std::sqrt(2.0 * double(visible))) << visible;
  }
}

TEST(Sampler, AnotherTableChangesNoDraw) {
  Table hub = test::numbered("hub", 1), leaves = test::numbered("leaves", 1000, 1),
        extra = test::numbered("a", 10);
  test::link(leaves, hub, RngKey(0));
  test::link(extra, hub, RngKey(1));
  ThreadPool pool(1);
  ReportLines report;
  const Graph small = Graph::build({hub, leaves}, pool, report),
              large = Graph::build({hub, leaves, extra}, pool, report);
  Batch a, b;
  Sampler(small, {.fanouts = {30}}).sample({NodeTypeId(0), {4}, {0}, {}}, RngKey(9), pool, a);
  Sampler(large, {.fanouts = {30}}).sample({NodeTypeId(0), {4}, {0}, {}}, RngKey(9), pool, b);
  EXPECT_EQ(a.nodes[1].distinct, b.nodes[1].distinct);
  EXPECT_EQ(b.nodes[2].distinct.size(), 10u);
}

TEST(Sampler, NoSeedsMakeAnEmptyBatch) {
  const Graph graph = shop();
  ThreadPool pool(2);
  Batch batch;
  Sampler(graph, {.fanouts = {2}}).sample({NodeTypeId(0), {}, {}, {}}, RngKey(9), pool, batch);
  EXPECT_EQ(batch.seeds, 0);
  EXPECT_EQ(batch.nodes[0].hop_end, (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(batch.edges[0].offsets, std::vector<int32_t>{0});
}

TEST(Sampler, RefusesFanoutsThatMakeNoSense) {
  const Graph graph = shop();
  for (const std::vector<int64_t>& fanouts : {std::vector<int64_t>{}, {3, -1}}) try {
      Sampler(graph, {.fanouts = fanouts});
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kSpec);
      EXPECT_EQ(std::string(error.what()).substr(0, 8), "fanouts:");
    }
}

TEST(Distinct, RowsAreIndexedAgainAndAgain) {
  DistinctRows distinct;
  RngStream random(RngKey(2));
  for (int64_t table : {int64_t{1}, int64_t{64}, int64_t{5000}, int64_t{100}, int64_t{300'000}}) {
    std::vector<int32_t> rows;
    for (int i = 0; i < 3000; ++i)
      rows.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(table))));
    const std::set<int32_t> expected(rows.begin(), rows.end());
    std::vector<int32_t> index = rows;
    std::vector<NodeId> ids;
    distinct.index(table, index, ids);
    ASSERT_TRUE(std::equal(ids.begin(), ids.end(), expected.begin(), expected.end(),
                           [](NodeId a, int32_t b) { return a == static_cast<NodeId>(b); }));
    for (size_t i = 0; i < rows.size(); ++i)
      ASSERT_EQ(ids[static_cast<size_t>(index[i])], static_cast<NodeId>(rows[i]));
  }
}

TEST(Distinct, ValuesOfAnySizeAndSignAreSorted) {
  DistinctValues distinct;
  RngStream random(RngKey(3));
  for (int shift : {63, 40, 20, 0}) {
    std::vector<int64_t> values{INT64_MIN, 0, -1, 1};
    if (shift == 63) values = {5, 5, 5};
    for (int i = 0; i < 2000 && shift < 63; ++i)
      values.push_back(static_cast<int64_t>(random.next()) >> shift);
    distinct.start(static_cast<int64_t>(values.size()));
    std::vector<int32_t> index;
    for (int64_t value : values) index.push_back(distinct.add(value));
    std::vector<int64_t> sorted;
    distinct.finish(index, sorted);
    const std::set<int64_t> expected(values.begin(), values.end());
    ASSERT_EQ(sorted, std::vector<int64_t>(expected.begin(), expected.end()));
    for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(sorted[static_cast<size_t>(index[i])], values[i]);
  }
}

}  // namespace
}  // namespace rle
