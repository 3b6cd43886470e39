// Node and edge types, neighbour lists by time, tables of type edge, and one hop's sampling.
#include "graph/graph.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/error.h"
#include "graph/test_tables.h"

namespace rle {
namespace {

using test::int_column;
using test::time_column;

Graph build(const std::vector<Table>& tables, ReportLines* lines = nullptr) {
  ThreadPool pool(2);
  ReportLines own;
  return Graph::build(tables, pool, lines != nullptr ? *lines : own);
}

EdgeTypeId edge(const Graph& graph, const std::string& name) {
  for (size_t e = 0; e < graph.schema().edge_types.size(); ++e)
    if (graph.schema().edge_types[e].name == name) return EdgeTypeId(static_cast<int32_t>(e));
  ADD_FAILURE() << "no edge type " << name;
  return {};
}

struct Ask {
  std::string edge;
  NodeId target = 0;
  int64_t time_us = 0;
  bool current_time = true;
  int64_t fanout = 1000;
  TemporalStrategy strategy = TemporalStrategy::kUniform;
  uint64_t key = 1;
};
std::vector<NodeId> neighbours(const Graph& graph, const Ask& ask) {
  SeedLimits limits;
  graph.seed_limits(&ask.time_us, 1, ask.current_time, limits);
  const RngKey key(ask.key);
  const int32_t zero = 0;
  HopAnswer answer;
  graph.sample({edge(graph, ask.edge), ask.fanout, ask.strategy, &limits, &key, &ask.target, &zero, &zero, 1},
               answer);
  EXPECT_EQ(answer.offsets, (std::vector<int64_t>{0, static_cast<int64_t>(answer.sources.size())}));
  return answer.sources;
}

using Ids = std::vector<NodeId>;

// Two users; orders at times 10, 20, 20, 30 and without time.
std::vector<Table> orders() {
  Table users = test::numbered("users", 2);
  Table made =
      test::table("orders", {time_column("at", {10, 20, 20, 30, {}}), int_column("user", {0, 1, 0, 0, 0})});
  made.schema.time_column = "at";
  made.schema.foreign_keys.push_back({"user", "users", "id", false});
  return {users, made};
}

TEST(Graph, NamesTwoEdgeTypesPerForeignKeyInOrder) {
  const Graph graph = build(orders());
  ASSERT_EQ(graph.schema().node_types.size(), 2u);
  EXPECT_EQ(graph.schema().node_types[1].name, "orders");
  EXPECT_TRUE(graph.schema().node_types[1].has_time);
  EXPECT_FALSE(graph.schema().node_types[0].has_time);
  ASSERT_EQ(graph.schema().edge_types.size(), 2u);
  const EdgeTypeInfo &down = graph.schema().edge_types[0], &up = graph.schema().edge_types[1];
  EXPECT_EQ(down.name, "f2p_user");
  EXPECT_EQ(down.source, NodeTypeId(1));
  EXPECT_EQ(down.target, NodeTypeId(0));
  EXPECT_EQ(down.edges, 4);  // the order without time is never visible
  EXPECT_EQ(up.name, "rev_f2p_user");
  EXPECT_EQ(up.source, NodeTypeId(0));
  EXPECT_EQ(up.edges, 5);
}

TEST(Graph, ShowsWhatTheSeedMaySee) {
  const Graph graph = build(orders());
  EXPECT_EQ(neighbours(graph, {"f2p_user", 0, 9}), Ids{});
  EXPECT_EQ(neighbours(graph, {"f2p_user", 0, 10}), Ids{0});
  EXPECT_EQ(neighbours(graph, {"f2p_user", 0, 10, false}), Ids{});
  EXPECT_EQ(neighbours(graph, {"f2p_user", 0, 20}), (Ids{0, 2}));
  EXPECT_EQ(neighbours(graph, {"f2p_user", 0, 30, false}), (Ids{0, 2}));
  EXPECT_EQ(neighbours(graph, {"f2p_user", 0, INT64_MAX}), (Ids{0, 2, 3}));
  EXPECT_EQ(neighbours(graph, {"f2p_user", 1, 25}), Ids{1});
  EXPECT_EQ(neighbours(graph, {"rev_f2p_user", 3, 5}), Ids{0});  // users are always visible
  EXPECT_EQ(graph.visible_degree(edge(graph, "f2p_user"), 0, 20, true), 2);
  EXPECT_EQ(graph.visible_degree(edge(graph, "f2p_user"), 0, 20, false), 1);
  EXPECT_EQ(graph.node_time_us(NodeTypeId(1), 3), 30);
  EXPECT_EQ(graph.node_time_us(NodeTypeId(1), 4), kNeverVisible);
  EXPECT_EQ(graph.node_time_us(NodeTypeId(0), 0), kAlwaysVisible);
}

TEST(Graph, LastTakesTheNewest) {
  const Graph graph = build(orders());
  const auto last = [&](int64_t time_us, int64_t fanout) {
    return neighbours(graph, {"f2p_user", 0, time_us, true, fanout, TemporalStrategy::kLast});
  };
  EXPECT_EQ(last(30, 1), Ids{3});
  EXPECT_EQ(last(29, 1), Ids{2});
  EXPECT_EQ(last(30, 2), (Ids{2, 3}));
  EXPECT_EQ(last(30, 0), Ids{});
}

TEST(Graph, WithoutSeedTimeAllButNullTimesAreVisible) {
  const Graph graph = build(orders());
  SeedLimits limits;
  graph.seed_limits(nullptr, 1, false, limits);
  const NodeId target = 0;
  const int32_t zero = 0;
  HopAnswer answer;
  graph.sample(
      {edge(graph, "f2p_user"), 9, TemporalStrategy::kLast, &limits, nullptr, &target, &zero, &zero, 1},
      answer);
  EXPECT_EQ(answer.sources, (Ids{0, 2, 3}));
}

TEST(Graph, ReportsNullTimesAndTablesWithoutLinks) {
  std::vector<Table> tables = orders();
  tables.push_back(test::numbered("notes", 3));
  ReportLines lines;
  build(tables, &lines);
  ASSERT_EQ(lines.lines().size(), 2u);
  EXPECT_EQ(lines.lines()[0].text,
            "table 'orders': 1 of 5 rows have no time in 'at'; they are never visible");
  EXPECT_NE(lines.lines()[1].text.find("table 'notes' is linked to no other table"), std::string::npos);
  EXPECT_EQ(lines.lines()[1].severity, Severity::kWarning);
}

TEST(Graph, SeveralKeysToOneTableAndToItselfStayApart) {
  Table teams = test::numbered("teams", 3);
  teams.columns.push_back(int_column("rival", {1, 2, 2}));
  teams.schema.foreign_keys.push_back({"rival", "teams", "id", false});
  Table games = test::table("games", {int_column("home", {0, 1}), int_column("guest", {2, 0})});
  games.schema.foreign_keys = {{"home", "teams", "id", false}, {"guest", "teams", "id", false}};
  const Graph graph = build({games, teams});
  std::vector<std::string> names;
  for (const EdgeTypeInfo& e : graph.schema().edge_types) names.push_back(e.name);
  EXPECT_EQ(names, (std::vector<std::string>{"f2p_guest", "f2p_home", "f2p_rival", "rev_f2p_guest",
                                             "rev_f2p_home", "rev_f2p_rival"}));
  EXPECT_EQ(neighbours(graph, {"f2p_home", 0}), Ids{0});
  EXPECT_EQ(neighbours(graph, {"f2p_guest", 0}), Ids{1});
  EXPECT_EQ(neighbours(graph, {"rev_f2p_guest", 0}), Ids{2});
  EXPECT_EQ(neighbours(graph, {"f2p_rival", 2}), (Ids{1, 2}));
  EXPECT_EQ(neighbours(graph, {"rev_f2p_rival", 0}), Ids{1});
}

// Users join groups; groups exist from time 15 (0) and 40 (1).
std::vector<Table> memberships(bool timed) {
  Table users = test::numbered("users", 3);
  Table groups = test::table("groups", {int_column("id", {0, 1}), time_column("since", {15, 40})});
  groups.schema.primary_key = "id";
  groups.schema.time_column = "since";
  Table joins = test::table(
      "joins", {int_column("user", {2, 0, 1, 0, {}, 1}), int_column("group", {0, 0, 0, 1, 1, 0})});
  joins.schema.type = TableType::kEdge;
  joins.schema.foreign_keys = {{"user", "users", "id", false}, {"group", "groups", "id", false}};
  if (timed) {
    joins.columns.push_back(time_column("when", {10, 20, 20, 30, 30, {}}));
    joins.schema.time_column = "when";
  }
  return {users, joins, groups};
}

TEST(EdgeTable, LinksItsParentsWithoutNodes) {
  const Graph graph = build(memberships(false));
  ASSERT_EQ(graph.schema().node_types.size(), 2u);
  EXPECT_EQ(graph.schema().node_types[1].name, "groups");
  ASSERT_EQ(graph.schema().edge_types.size(), 2u);
  EXPECT_EQ(graph.schema().edge_types[0].name, "rev_joins");  // groups -> users
  EXPECT_EQ(graph.schema().edge_types[1].name, "joins");
  EXPECT_EQ(graph.schema().edge_types[1].null_keys, 1);
  EXPECT_EQ(graph.schema().edge_types[1].edges, 5);
  EXPECT_EQ(neighbours(graph, {"joins", 0, 0}), (Ids{0, 1, 1, 2}));
  EXPECT_EQ(neighbours(graph, {"joins", 1, 0}), Ids{0});
  EXPECT_EQ(neighbours(graph, {"rev_joins", 0, 15}), Ids{0});
  EXPECT_EQ(neighbours(graph, {"rev_joins", 0, 40}), (Ids{0, 1}));
}

TEST(EdgeTable, ShowsAnEdgeFromTheLaterOfItsTimeAndItsSource) {
  ReportLines lines;
  const Graph graph = build(memberships(true), &lines);
  EXPECT_EQ(neighbours(graph, {"joins", 0, 9}), Ids{});
  EXPECT_EQ(neighbours(graph, {"joins", 0, 10}), Ids{2});
  EXPECT_EQ(neighbours(graph, {"joins", 0, 20, false}), Ids{2});
  EXPECT_EQ(neighbours(graph, {"joins", 0, 20}),
            (Ids{2, 0, 1}));  // by time, then id; the row without time never
  EXPECT_EQ(neighbours(graph, {"joins", 0, 99}), (Ids{2, 0, 1}));
  EXPECT_EQ(neighbours(graph, {"rev_joins", 2, 14}), Ids{});  // joined at 10 a group of 15
  EXPECT_EQ(neighbours(graph, {"rev_joins", 2, 15}), Ids{0});
  EXPECT_EQ(neighbours(graph, {"rev_joins", 0, 39}), Ids{0});
  EXPECT_EQ(neighbours(graph, {"rev_joins", 0, 40}), (Ids{0, 1}));
  ASSERT_EQ(lines.lines().size(), 1u);
  EXPECT_EQ(lines.lines()[0].text,
            "table 'joins': 1 of 6 rows have no time in 'when'; they are never visible");
}

std::string refusal(const std::vector<Table>& tables) {
  try {
    build(tables);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSpec);
    return error.what();
  }
  return "built";
}

TEST(EdgeTable, NeedsTwoEndsAndANameOfItsOwn) {
  std::vector<Table> tables = memberships(false);
  tables[1].schema.foreign_keys.pop_back();
  EXPECT_NE(refusal(tables).find("table 'joins' has type edge and 1 foreign keys"), std::string::npos);
  tables = memberships(false);
  tables.push_back(tables[1]);
  EXPECT_NE(refusal(tables).find("two edge types from"), std::string::npos);
  tables = orders();
  tables[1].schema.foreign_keys[0].parent_table = "joins";
  tables.push_back(memberships(false)[1]);
  EXPECT_NE(refusal(tables).find("no table of type node 'joins'"), std::string::npos);
}

TEST(Graph, RefusesTimesThatAreNoTimesAndTablesOfOneName) {
  std::vector<Table> tables = orders();
  tables[1].columns[0].type = PhysicalType::kInt64;
  EXPECT_NE(refusal(tables).find("table 'orders': time column 'at' has type integer"), std::string::npos);
  tables = orders();
  tables[1].schema.name = "users";
  EXPECT_NE(refusal(tables).find("two tables are named 'users'"), std::string::npos);
}

// One parent with `degree` children, all visible.
Graph star(int64_t degree) {
  Table hub = test::numbered("hub", 1), leaves = test::numbered("leaves", degree, 1);
  test::link(leaves, hub, RngKey(0));
  return build({hub, leaves});
}

TEST(Uniform, EveryNeighbourIsEquallyLikely) {
  // Few of few (drawn), many of few (complement drawn): chi-square over single draws and over adjacent pairs.
  for (const auto& [degree, fanout] : std::map<int64_t, int64_t>{{10, 3}, {70, 60}, {129, 20}}) {
    const Graph graph = star(degree);
    constexpr int kDraws = 20000;
    std::vector<double> seen(static_cast<size_t>(degree), 0);
    double together = 0;
    for (int draw = 0; draw < kDraws; ++draw) {
      const Ids ids = neighbours(
          graph, {.edge = "f2p_hubId", .time_us = INT64_MAX, .fanout = fanout, .key = uint64_t(draw)});
      ASSERT_EQ(static_cast<int64_t>(ids.size()), fanout);
      for (size_t i = 0; i < ids.size(); ++i) {
        ++seen[ids[i]];
        if (i > 0) {
          ASSERT_LT(ids[i - 1], ids[i]);
          together += ids[i] == ids[i - 1] + 1;
        }
      }
    }
    const double p = double(fanout) / double(degree), expected = kDraws * p;
    double chi = 0;
    for (double s : seen) chi += (s - expected) * (s - expected) / (expected * (1 - p));
    chi *= double(degree - 1) / double(degree);  // draws without replacement
    EXPECT_NEAR(chi, double(degree - 1), 5 * std::sqrt(2.0 * double(degree))) << degree;
    const double pairs = p * double(fanout - 1);
    EXPECT_NEAR(together / kDraws / pairs, 1, 0.03) << degree;
  }
}

TEST(Uniform, FewOfVeryManyAreDistinctAndSpread) {
  const Graph graph = star(200'000);
  double mean = 0;
  for (uint64_t draw = 0; draw < 200; ++draw) {
    const Ids ids =
        neighbours(graph, {.edge = "f2p_hubId", .time_us = INT64_MAX, .fanout = 128, .key = draw});
    ASSERT_EQ(ids.size(), 128u);
    for (size_t i = 1; i < ids.size(); ++i) ASSERT_LT(ids[i - 1], ids[i]);
    for (NodeId id : ids) mean += id / (200.0 * 128);
  }
  EXPECT_NEAR(mean, 100'000, 5 * 200'000 / std::sqrt(12.0 * 200 * 128));
}

TEST(Uniform, DependsOnKeyAndPositionAlone) {
  const Graph graph = star(500);
  const int64_t times[] = {INT64_MAX, INT64_MAX};
  SeedLimits limits;
  graph.seed_limits(times, 2, true, limits);
  const RngKey keys[] = {RngKey(5), RngKey(6)};
  const NodeId targets[] = {0, 0, 0, 0};
  const int32_t seeds[] = {0, 0, 1, 0}, positions[] = {0, 1, 0, 0};
  HopAnswer answer;
  graph.sample(
      {edge(graph, "f2p_hubId"), 20, TemporalStrategy::kUniform, &limits, keys, targets, seeds, positions, 4},
      answer);
  const auto part = [&](size_t i) {
    return Ids(answer.sources.begin() + answer.offsets[i], answer.sources.begin() + answer.offsets[i + 1]);
  };
  EXPECT_NE(part(0), part(1));
  EXPECT_NE(part(0), part(2));
  EXPECT_EQ(part(0), part(3));
}

}  // namespace
}  // namespace rle
