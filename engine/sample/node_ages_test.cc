// Ages against their definition: times on a grid of days, seeds off it, times without a grid, rows without a
// time; and what the graph knows of its times and lists.
#include "sample/node_ages.h"

#include <gtest/gtest.h>

#include <set>

#include "base/time.h"
#include "graph/test_tables.h"
#include "sample/sampler.h"

namespace rle {
namespace {

constexpr int64_t kSecond = 1'000'000, kDay = 86'400 * kSecond;

Graph events_at(const test::Values<int64_t>& times_us) {
  Table people = test::numbered("people", 1),
        events = test::table("events", {test::time_column("at", times_us)});
  events.schema.time_column = "at";
  test::link(events, people, RngKey(0));
  sort_canonically(events);
  ThreadPool pool(1);
  ReportLines report;
  return Graph::build({people, events}, pool, report);
}

// One seed a time, all events in its subgraph; expects every age to be what the definition says.
void expect_ages(const Graph& graph, const std::vector<int64_t>& seed_us) {
  const NodeTypeId events = graph.schema().find_node_type("events");
  Seeds seeds{.entity_type = events, .keys = {}, .nodes = {}, .time_us = seed_us};
  for (size_t s = 0; s < seed_us.size(); ++s) {
    seeds.keys.push_back(s);
    seeds.nodes.push_back(static_cast<NodeId>(graph.schema().node_types[events.index()].nodes - 1));
  }
  ThreadPool pool(1);
  Batch batch;
  Sampler(graph, {.fanouts = {1000, 1000}}).sample(seeds, RngKey(1), pool, batch);
  const NodeBlock& block = batch.nodes[events.index()];
  std::set<int64_t> expected;
  ASSERT_EQ(block.delta.size(), block.row.size());
  for (size_t i = 0; i < block.row.size(); ++i) {
    const int64_t row_us = graph.node_time_us(events, block.distinct[static_cast<size_t>(block.row[i])]);
    const int64_t age = row_us == kNeverVisible ? 0
                                                : floor_seconds(seed_us[static_cast<size_t>(block.seed[i])]) -
                                                      floor_seconds(row_us);
    ASSERT_EQ(block.delta_s[static_cast<size_t>(block.delta[i])], age);
    expected.insert(age);
  }
  EXPECT_EQ(block.delta_s, std::vector<int64_t>(expected.begin(), expected.end()));
}

TEST(NodeAges, OnAGridOfDays) {
  test::Values<int64_t> times;
  for (int64_t i = 0; i < 300; ++i) times.push_back((i * i % 77 - 20) * kDay);
  const Graph graph = events_at(times);
  EXPECT_EQ(graph.time_step_s(graph.schema().find_node_type("events")), 86'400);
  expect_ages(graph, {80 * kDay, 90 * kDay, 80 * kDay, 77 * kDay});
  expect_ages(graph, {80 * kDay + 5 * kSecond + 7, 90 * kDay + 5 * kSecond});
  expect_ages(graph, {80 * kDay + 5 * kSecond, 90 * kDay, 78 * kDay - 1});
  expect_ages(graph, {80 * kDay});
}

TEST(NodeAges, OfTimesWithoutAGrid) {
  RngStream random(RngKey(5));
  test::Values<int64_t> times;
  for (int i = 0; i < 300; ++i) times.push_back(static_cast<int64_t>(random.below(4'000'000'000)) * 997'001);
  const Graph graph = events_at(times);
  EXPECT_EQ(graph.time_step_s(graph.schema().find_node_type("events")), 1);
  expect_ages(graph, {50'000 * kDay, 50'001 * kDay + 12'345'678, 50'000 * kDay});
}

TEST(NodeAges, OfMoreTimesThanPairsAreNumberedFor) {
  RngStream random(RngKey(6));
  test::Values<int64_t> times;
  std::vector<int64_t> seeds;
  for (int i = 0; i < 2000; ++i) times.push_back(static_cast<int64_t>(random.below(4'000'000'000)) * 997'001);
  for (int i = 0; i < 300; ++i) seeds.push_back(60'000 * kDay + i * 1'000'003);
  expect_ages(events_at(times), seeds);
}

TEST(NodeAges, OfASeedWithoutATime) {
  expect_ages(events_at({3 * kDay, 5 * kDay, std::nullopt}), {9 * kDay, 8 * kDay});
}

TEST(NodeAges, OfTimesThatAreAllOne) {
  const Graph graph = events_at({3 * kDay + 1, 3 * kDay + 2});
  EXPECT_EQ(graph.time_step_s(graph.schema().find_node_type("events")), 0);
  expect_ages(graph, {9 * kDay, 9 * kDay + 1});
}

TEST(GraphLists, ShapesAreKnown) {
  const Graph graph = events_at({1, 2});
  for (size_t e = 0; e < graph.schema().edge_types.size(); ++e) {
    const bool children = graph.schema().edge_types[e].name == "f2p_peopleId";
    EXPECT_EQ(graph.list_shape(EdgeTypeId(static_cast<int32_t>(e))),
              children ? ListShape::kDisjoint : ListShape::kOneSource);
  }
}

}  // namespace
}  // namespace rle
