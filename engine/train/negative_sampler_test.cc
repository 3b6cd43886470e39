// Negatives as a property over random databases: what may be drawn, how often, and that a draw is a function
// of its key.
#include "train/negative_sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "sample/random_graphs.h"

namespace rle {
namespace {

struct Case {
  test::RandomDatabase database;
  Graph graph;
  NodeTypeId target;
  std::optional<int64_t> time_us;
  bool current_time = true;
  std::vector<NodeId> positives;

  const std::string& name() const { return graph.schema().node_types[target.index()].name; }
  int64_t targets() const { return graph.schema().node_types[target.index()].nodes; }
  bool sees(int64_t visible_us) const {
    if (visible_us == kNeverVisible) return false;
    return !time_us || visible_us < *time_us || (current_time && visible_us == *time_us);
  }
  bool sees_target(NodeId node) const { return sees(test::row_time(database.named(name()), node)); }
  bool is_positive(NodeId node) const {
    return std::find(positives.begin(), positives.end(), node) != positives.end();
  }
};

Case random_case(uint64_t number) {
  test::RandomDatabaseMaker maker(RngKey(number).with("negatives"));
  ThreadPool pool(1);
  ReportLines report;
  test::RandomDatabase database = maker.make();
  Graph graph = Graph::build(database.tables, pool, report);
  Case c{std::move(database), std::move(graph), {}, {}, maker.below(2) == 0, {}};
  c.target =
      NodeTypeId(static_cast<int32_t>(maker.below(static_cast<int64_t>(c.graph.schema().node_types.size()))));
  if (maker.below(6) != 0) c.time_us = (maker.below(34) - 7) * 700'000;
  // Of some cases all but a few are positives, of some none.
  const int64_t share = maker.below(8);
  for (int64_t node = 0; node < c.targets(); ++node)
    if (maker.below(7) < share) c.positives.push_back(static_cast<NodeId>(node));
  return c;
}

// Links to each target that is visible and no positive, by brute force; what edges enter is known from names.
std::map<NodeId, double> wanted_weights(const Case& c, NegativeSampling strategy) {
  std::map<NodeId, double> alike, links;
  for (int64_t i = 0; i < c.targets(); ++i) {
    const auto node = static_cast<NodeId>(i);
    if (!c.sees_target(node) || c.is_positive(node)) continue;
    alike[node] = 1;
    for (const auto& [edge, lists] : c.database.edges) {
      if (edge[2] != c.name() || edge[1].starts_with("rev_f2p_")) continue;
      if (const auto list = lists.find(node); list != lists.end())
        for (const test::Visible& source : list->second)
          if (c.sees(source.first)) ++links[node];
    }
  }
  return strategy == NegativeSampling::kRandom || links.empty() ? alike : links;
}

std::vector<NodeId> draw(const Case& c, NegativeSampling strategy, RngKey key, int64_t count) {
  const NegativeSampler sampler(c.graph, c.target, strategy, c.current_time);
  std::vector<NodeId> out(static_cast<size_t>(count), kNoNode);
  out.resize(static_cast<size_t>(sampler.draw(c.time_us, c.positives, key, count, out.data())));
  return out;
}

class NegativeSamplerProperty : public ::testing::TestWithParam<NegativeSampling> {};

TEST_P(NegativeSamplerProperty, OnlyVisibleTargetsThatAreNoPositives) {
  int64_t none = 0, future = 0, positives = 0;
  for (uint64_t number = 0; number < 700; ++number) {
    SCOPED_TRACE(number);
    const Case c = random_case(number);
    const std::map<NodeId, double> weights = wanted_weights(c, GetParam());
    const std::vector<NodeId> drawn = draw(c, GetParam(), RngKey(number), 100);
    ASSERT_EQ(drawn.size(), weights.empty() ? 0 : 100);
    for (NodeId node : drawn) {
      ASSERT_LT(node, c.targets());
      ASSERT_TRUE(c.sees_target(node)) << "a target later than the seed's time";
      ASSERT_FALSE(c.is_positive(node));
      ASSERT_TRUE(weights.contains(node)) << "a target without links";
    }
    none += weights.empty();
    positives += static_cast<int64_t>(c.positives.size());
    for (int64_t node = 0; node < c.targets(); ++node) future += !c.sees_target(static_cast<NodeId>(node));
  }
  // The cases are not trivial.
  EXPECT_GT(none, 25);
  EXPECT_GT(future, 2'500);
  EXPECT_GT(positives, 5'000);
}

TEST_P(NegativeSamplerProperty, FrequenciesAreThoseOfTheStrategy) {
  double squares = 0, freedom = 0;
  for (uint64_t number = 5000; number < 5300; ++number) {
    SCOPED_TRACE(number);
    const Case c = random_case(number);
    const std::map<NodeId, double> weights = wanted_weights(c, GetParam());
    if (weights.size() < 2) continue;
    double total = 0;
    for (const auto& [node, weight] : weights) total += weight;
    std::map<NodeId, double> counts;
    const std::vector<NodeId> drawn = draw(c, GetParam(), RngKey(number).with("counts"), 20'000);
    for (NodeId node : drawn) ++counts[node];
    double chi_square = 0;
    for (const auto& [node, weight] : weights) {
      const double expected = static_cast<double>(drawn.size()) * weight / total;
      chi_square += (counts[node] - expected) * (counts[node] - expected) / expected;
    }
    const auto degrees = static_cast<double>(weights.size() - 1);
    ASSERT_LT(chi_square, degrees + 5 * std::sqrt(2 * degrees) + 10);
    squares += chi_square;
    freedom += degrees;
  }
  // All cases together: within four standard deviations of what chance gives.
  ASSERT_GT(freedom, 1500);
  EXPECT_NEAR(squares, freedom, 4 * std::sqrt(2 * freedom));
}

// Two draws of one call are independent: all pairs are as often as the product of their frequencies says.
TEST_P(NegativeSamplerProperty, DrawsOfACallAreIndependent) {
  uint64_t number = 9000;
  while (wanted_weights(random_case(number), GetParam()).size() != 7) ++number;
  const Case c = random_case(number);
  const std::map<NodeId, double> weights = wanted_weights(c, GetParam());
  double total = 0;
  for (const auto& [node, weight] : weights) total += weight;
  const NegativeSampler sampler(c.graph, c.target, GetParam(), c.current_time);
  std::map<std::pair<NodeId, NodeId>, double> counts;
  constexpr int kCalls = 40'000;
  for (int call = 0; call < kCalls; ++call) {
    NodeId pair[2];
    ASSERT_EQ(sampler.draw(c.time_us, c.positives, RngKey(static_cast<uint64_t>(call)), 2, pair), 2);
    ++counts[{pair[0], pair[1]}];
  }
  double chi_square = 0;
  for (const auto& [a, weight_a] : weights)
    for (const auto& [b, weight_b] : weights) {
      const double expected = kCalls * weight_a / total * weight_b / total;
      chi_square += (counts[{a, b}] - expected) * (counts[{a, b}] - expected) / expected;
    }
  const auto degrees = static_cast<double>(weights.size() * weights.size() - 1);
  EXPECT_NEAR(chi_square, degrees, 4 * std::sqrt(2 * degrees));
}

TEST_P(NegativeSamplerProperty, ADrawIsAFunctionOfItsKey) {
  int64_t differ = 0;
  for (uint64_t number = 8000; number < 8100; ++number) {
    const Case c = random_case(number);
    const std::vector<NodeId> once = draw(c, GetParam(), RngKey(1), 30);
    ASSERT_EQ(draw(c, GetParam(), RngKey(1), 30), once);
    differ += draw(c, GetParam(), RngKey(2), 30) != once;
    const std::vector<NodeId> fewer = draw(c, GetParam(), RngKey(1), 7);
    if (GetParam() == NegativeSampling::kRandom) {
      ASSERT_TRUE(std::equal(fewer.begin(), fewer.end(), once.begin()));
    }
  }
  EXPECT_GT(differ, 50);
}

INSTANTIATE_TEST_SUITE_P(Strategies, NegativeSamplerProperty,
                         ::testing::Values(NegativeSampling::kRandom, NegativeSampling::kDegreeBased),
                         [](const auto& info) {
                           return info.param == NegativeSampling::kRandom ? "Random" : "DegreeBased";
                         });

// Articles 0..3; 0 is bought three times, 1 once, 3 later on; no one buys 2.
TEST(NegativeSampler, SmallLiteralExample) {
  Table articles = test::numbered("articles", 4);
  Table orders = test::table("orders", {test::time_column("at", {10, 20, 20, 30, 40}),
                                        test::int_column("article", {0, 0, 1, 0, 3})});
  orders.schema.time_column = "at";
  orders.schema.foreign_keys.push_back({"article", "articles", "id", false});
  ThreadPool pool(1);
  ReportLines report;
  const Graph graph = Graph::build({articles, orders}, pool, report);
  const NegativeSampler sampler(graph, graph.schema().find_node_type("articles"),
                                NegativeSampling::kDegreeBased, true);
  const auto drawn = [&](std::optional<int64_t> time_us, std::vector<NodeId> positives) {
    std::vector<NodeId> out(400);
    out.resize(static_cast<size_t>(sampler.draw(time_us, positives, RngKey(3), 400, out.data())));
    return std::set<NodeId>(out.begin(), out.end());
  };
  EXPECT_EQ(drawn(30, {}), (std::set<NodeId>{0, 1}));
  EXPECT_EQ(drawn(40, {}), (std::set<NodeId>{0, 1, 3}));
  EXPECT_EQ(drawn(std::nullopt, {0}), (std::set<NodeId>{1, 3}));
  EXPECT_EQ(drawn(10, {1}), (std::set<NodeId>{0}));
  EXPECT_EQ(drawn(10, {0}), (std::set<NodeId>{1, 2, 3})) << "none of them has a link yet: all alike";
  EXPECT_EQ(drawn(9, {}), (std::set<NodeId>{0, 1, 2, 3}));
  EXPECT_EQ(drawn(40, {0, 1, 2, 3}), std::set<NodeId>{});
}

// Nearly all links lead to one target, which is a positive: the others are found in one pass.
TEST(NegativeSampler, EndsWhereAlmostAllLinksLeadToPositives) {
  Table articles = test::numbered("articles", 1000);
  test::Values<int64_t> bought(200'000, 7);
  bought[150'000] = 8;
  bought[199'999] = 9;
  Table orders = test::table("orders", {test::int_column("article", bought)});
  orders.schema.foreign_keys.push_back({"article", "articles", "id", false});
  ThreadPool pool(1);
  ReportLines report;
  const Graph graph = Graph::build({articles, orders}, pool, report);
  const NegativeSampler sampler(graph, graph.schema().find_node_type("articles"),
                                NegativeSampling::kDegreeBased, true);
  const std::vector<NodeId> positives{7};
  std::vector<NodeId> out(1000);
  ASSERT_EQ(sampler.draw({}, positives, RngKey(5), 1000, out.data()), 1000);
  const auto eights = std::count(out.begin(), out.end(), NodeId{8});
  EXPECT_EQ(std::count(out.begin(), out.end(), NodeId{9}), 1000 - eights);
  EXPECT_NEAR(static_cast<double>(eights), 500, 4 * std::sqrt(250.0));
}

}  // namespace
}  // namespace rle
