// The sampler's rule as a property over random databases, seeds and configurations.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/time.h"
#include "sample/random_graphs.h"
#include "sample/sampler.h"

namespace rle {
namespace {

using test::Visible;

struct Case {
  test::RandomDatabase database;
  Graph graph;
  SamplerConfig config;
  Seeds seeds;
};

Case random_case(uint64_t number) {
  test::RandomDatabaseMaker maker(RngKey(number).with("database"));
  ThreadPool pool(1);
  ReportLines report;
  test::RandomDatabase database = maker.make();
  Graph graph = Graph::build(database.tables, pool, report);
  SamplerConfig config;
  config.fanouts.clear();
  for (int64_t hops = 1 + maker.below(3); hops > 0; --hops)
    config.fanouts.push_back(maker.below(3) == 0 ? 40 : maker.below(6));
  config.strategy = maker.below(2) == 0 ? TemporalStrategy::kUniform : TemporalStrategy::kLast;
  config.current_time = maker.below(2) == 0;
  Seeds seeds;
  const int64_t types = static_cast<int64_t>(graph.schema().node_types.size());
  seeds.entity_type = NodeTypeId(static_cast<int32_t>(maker.below(types)));
  const bool timed = maker.below(5) != 0;
  const int64_t count = maker.below(40);
  if (maker.below(2) == 0) {
    seeds.target_type = NodeTypeId(static_cast<int32_t>(maker.below(types)));
    seeds.targets = maker.below(count + 1);
  }
  for (int64_t n = 0; n < count; ++n) {
    const NodeTypeId type = n < count - seeds.targets ? seeds.entity_type : seeds.target_type;
    seeds.keys.push_back(static_cast<uint64_t>(maker.below(1'000'000)));
    seeds.nodes.push_back(static_cast<NodeId>(maker.below(graph.schema().node_types[type.index()].nodes)));
    if (timed) seeds.time_us.push_back((maker.below(34) - 7) * 700'000);
  }
  return {std::move(database), std::move(graph), std::move(config), std::move(seeds)};
}

Batch sample(const Case& c, const Seeds& seeds, int threads) {
  ThreadPool pool(threads);
  const Sampler sampler(c.graph, c.config);
  Batch batch;
  sampler.sample(seeds, RngKey(77), pool, batch);
  return batch;
}

bool sees(const Case& c, int32_t seed, int64_t visible_us) {
  if (visible_us == kNeverVisible) return false;
  if (c.seeds.time_us.empty() || visible_us == kAlwaysVisible) return true;
  const int64_t time_us = c.seeds.time_us[static_cast<size_t>(seed)];
  return c.config.current_time ? visible_us <= time_us : visible_us < time_us;
}

int hop_of(const NodeBlock& block, int64_t node) {
  return static_cast<int>(std::upper_bound(block.hop_end.begin(), block.hop_end.end(), node) -
                          block.hop_end.begin());
}

NodeId id_of(const NodeBlock& block, int64_t node) {
  return block.distinct[static_cast<size_t>(block.row[static_cast<size_t>(node)])];
}

void check_nodes(const Case& c, const Batch& batch, size_t type) {
  const NodeBlock& block = batch.nodes[type];
  std::vector<int32_t> seeds;  // of this type
  for (int32_t seed = 0; seed < batch.seeds; ++seed)
    if (c.seeds.type_of(seed).index() == type) seeds.push_back(seed);
  const Table& table = c.database.named(c.graph.schema().node_types[type].name);
  ASSERT_EQ(block.hop_end.size(), c.config.fanouts.size() + 1);
  ASSERT_EQ(block.hop_end[0], static_cast<int64_t>(seeds.size()));
  ASSERT_EQ(block.hop_end.back(), block.nodes());
  ASSERT_TRUE(std::is_sorted(block.distinct.begin(), block.distinct.end()));
  ASSERT_EQ(std::set<NodeId>(block.distinct.begin(), block.distinct.end()).size(), block.distinct.size());
  ASSERT_EQ(std::set<int32_t>(block.row.begin(), block.row.end()).size(), block.distinct.size());
  const bool deltas = table.schema.time_column && !c.seeds.time_us.empty();
  ASSERT_EQ(block.delta.size(), deltas ? block.row.size() : 0);
  ASSERT_TRUE(std::is_sorted(block.delta_s.begin(), block.delta_s.end()));
  ASSERT_EQ(std::set<int32_t>(block.delta.begin(), block.delta.end()).size(), block.delta_s.size());
  std::set<std::pair<int32_t, NodeId>> seen;
  for (int64_t i = 0; i < block.nodes(); ++i) {
    const int32_t seed = block.seed[static_cast<size_t>(i)];
    const int64_t time_us = test::row_time(table, id_of(block, i));
    ASSERT_TRUE(seen.emplace(seed, id_of(block, i)).second) << "a row twice in one seed's subgraph";
    if (i > 0 && hop_of(block, i) == hop_of(block, i - 1)) {
      ASSERT_LE(block.seed[static_cast<size_t>(i - 1)], seed);
    }
    if (hop_of(block, i) == 0) {
      ASSERT_EQ(seed, seeds[static_cast<size_t>(i)]);
      ASSERT_EQ(id_of(block, i), c.seeds.nodes[static_cast<size_t>(seed)]);
    } else {
      ASSERT_TRUE(sees(c, seed, time_us)) << "a node later than its seed allows";
    }
    if (deltas) {
      const int64_t expected =
          time_us == kNeverVisible
              ? 0
              : floor_seconds(c.seeds.time_us[static_cast<size_t>(seed)]) - floor_seconds(time_us);
      ASSERT_EQ(block.delta_s[static_cast<size_t>(block.delta[static_cast<size_t>(i)])], expected);
    }
  }
}

// Every expanded target has exactly what the rule gives it; `reached` collects which nodes an earlier hop
// leads to.
void check_edges(const Case& c, const Batch& batch, size_t e, std::vector<std::set<int64_t>>& reached) {
  const GraphSchema& schema = c.graph.schema();
  const EdgeTypeInfo& info = schema.edge_types[e];
  const NodeBlock &sources = batch.nodes[info.source.index()], &targets = batch.nodes[info.target.index()];
  const EdgeBlock& edges = batch.edges[e];
  const auto& lists = c.database.edges.at(
      {schema.node_types[info.source.index()].name, info.name, schema.node_types[info.target.index()].name});
  ASSERT_EQ(static_cast<int64_t>(edges.offsets.size()), targets.nodes() + 1);
  ASSERT_EQ(edges.offsets[0], 0);
  ASSERT_EQ(edges.offsets.back(), edges.edges());
  for (int64_t t = 0; t < targets.nodes(); ++t) {
    const size_t hop = static_cast<size_t>(hop_of(targets, t));
    const int32_t seed = targets.seed[static_cast<size_t>(t)];
    const int32_t begin = edges.offsets[static_cast<size_t>(t)],
                  end = edges.offsets[static_cast<size_t>(t) + 1];
    ASSERT_LE(begin, end);
    if (hop == c.config.fanouts.size()) {
      ASSERT_EQ(begin, end) << "a node of the last hop was expanded";
      continue;
    }
    std::vector<Visible> visible;
    if (const auto list = lists.find(id_of(targets, t)); list != lists.end())
      for (const Visible& v : list->second)
        if (sees(c, seed, v.first)) visible.push_back(v);
    const size_t count = std::min(visible.size(), static_cast<size_t>(c.config.fanouts[hop]));
    ASSERT_EQ(static_cast<size_t>(end - begin), count);
    std::vector<NodeId> sampled, newest, all;
    for (int32_t j = begin; j < end; ++j) {
      const int32_t source = edges.source[static_cast<size_t>(j)];
      ASSERT_EQ(sources.seed[static_cast<size_t>(source)], seed) << "an edge between two subgraphs";
      ASSERT_LE(hop_of(sources, source), static_cast<int>(hop) + 1);
      if (hop_of(sources, source) == static_cast<int>(hop) + 1) reached[info.source.index()].insert(source);
      sampled.push_back(id_of(sources, source));
    }
    for (const Visible& v : visible) all.push_back(v.second);
    newest.assign(all.end() - static_cast<std::ptrdiff_t>(count), all.end());
    if (c.config.strategy == TemporalStrategy::kLast || count == all.size()) {
      ASSERT_EQ(sampled, newest);
    } else {
      std::sort(all.begin(), all.end());
      std::sort(sampled.begin(), sampled.end());
      ASSERT_TRUE(std::includes(all.begin(), all.end(), sampled.begin(), sampled.end()))
          << "no such visible edge";
    }
  }
}

TEST(SamplerProperty, HoldsOnRandomDatabases) {
  int64_t nodes = 0, edges = 0, late = 0;
  for (uint64_t number = 0; number < 600; ++number) {
    SCOPED_TRACE(number);
    const Case c = random_case(number);
    const Batch batch = sample(c, c.seeds, 1);
    ASSERT_EQ(batch.seeds, static_cast<int64_t>(c.seeds.keys.size()));
    ASSERT_EQ(c.database.edges.size(), c.graph.schema().edge_types.size());
    std::vector<std::set<int64_t>> reached(batch.nodes.size());
    for (size_t type = 0; type < batch.nodes.size(); ++type)
      ASSERT_NO_FATAL_FAILURE(check_nodes(c, batch, type));
    for (size_t e = 0; e < batch.edges.size(); ++e)
      ASSERT_NO_FATAL_FAILURE(check_edges(c, batch, e, reached));
    for (size_t type = 0; type < batch.nodes.size(); ++type)
      ASSERT_EQ(static_cast<int64_t>(reached[type].size()),
                batch.nodes[type].nodes() - batch.nodes[type].hop_end[0])
          << "a node that no edge from the hop before leads to";
    for (const NodeBlock& block : batch.nodes) nodes += block.nodes();
    for (const EdgeBlock& block : batch.edges) edges += block.edges();
    for (const auto& [name, lists] : c.database.edges)
      for (const auto& [target, list] : lists) late += static_cast<int64_t>(list.size());
  }
  // The cases are not trivial.
  EXPECT_GT(nodes, 50'000);
  EXPECT_GT(edges, 100'000);
  EXPECT_GT(late, 50'000);
}

// One seed's subgraph without positions in the batch: per type (hop, row, delta), per edge type the sources
// per target.
std::vector<int64_t> tree_of(const Case& c, const Batch& batch, int32_t seed) {
  std::vector<int64_t> tree;
  std::vector<std::map<int64_t, int64_t>> local(batch.nodes.size());
  for (size_t type = 0; type < batch.nodes.size(); ++type) {
    const NodeBlock& block = batch.nodes[type];
    for (int64_t i = 0; i < block.nodes(); ++i) {
      if (block.seed[static_cast<size_t>(i)] != seed) continue;
      local[type].emplace(i, local[type].size());
      tree.insert(tree.end(), {hop_of(block, i), id_of(block, i)});
      if (!block.delta.empty())
        tree.push_back(block.delta_s[static_cast<size_t>(block.delta[static_cast<size_t>(i)])]);
    }
    tree.push_back(-1);
  }
  for (size_t e = 0; e < batch.edges.size(); ++e) {
    const EdgeTypeInfo& info = c.graph.schema().edge_types[e];
    for (const auto& [target, place] : local[info.target.index()]) {
      for (int32_t j = batch.edges[e].offsets[static_cast<size_t>(target)];
           j < batch.edges[e].offsets[static_cast<size_t>(target) + 1]; ++j)
        tree.push_back(local[info.source.index()].at(batch.edges[e].source[static_cast<size_t>(j)]));
      tree.push_back(-2);
    }
  }
  return tree;
}

TEST(SamplerProperty, ASeedsSubgraphDependsOnItselfAlone) {
  for (uint64_t number = 1000; number < 1150; ++number) {
    SCOPED_TRACE(number);
    const Case c = random_case(number);
    const Batch whole = sample(c, c.seeds, 1);
    Seeds part = {.entity_type = c.seeds.entity_type, .keys = {}, .nodes = {}, .time_us = {}};
    part.target_type = c.seeds.target_type;
    std::vector<int32_t> origin;
    const int64_t sources = c.seeds.size() - c.seeds.targets;
    const auto take = [&](int64_t begin, int64_t end) {  // another order, without every third
      for (int64_t seed = end; seed-- > begin;) {
        const auto i = static_cast<size_t>(seed);
        if (i % 3 == 0) continue;
        origin.push_back(static_cast<int32_t>(i));
        part.keys.push_back(c.seeds.keys[i]);
        part.nodes.push_back(c.seeds.nodes[i]);
        if (!c.seeds.time_us.empty()) part.time_us.push_back(c.seeds.time_us[i]);
      }
    };
    take(0, sources);
    const int64_t kept = part.size();
    take(sources, c.seeds.size());
    part.targets = part.size() - kept;
    const Batch other = sample(c, part, 1);
    for (size_t i = 0; i < origin.size(); ++i)
      ASSERT_EQ(tree_of(c, other, static_cast<int32_t>(i)), tree_of(c, whole, origin[i]));
  }
}

void expect_same(const Batch& a, const Batch& b) {
  for (size_t t = 0; t < a.nodes.size(); ++t) {
    const NodeBlock &x = a.nodes[t], &y = b.nodes[t];
    ASSERT_TRUE(x.row == y.row && x.seed == y.seed && x.delta == y.delta && x.hop_end == y.hop_end &&
                x.distinct == y.distinct && x.delta_s == y.delta_s);
  }
  for (size_t e = 0; e < a.edges.size(); ++e)
    ASSERT_TRUE(a.edges[e].offsets == b.edges[e].offsets && a.edges[e].source == b.edges[e].source);
}

// How often each (target, source) is in an edge type, or (source, target) where `turned`.
std::map<std::pair<int32_t, int32_t>, size_t> pairs_of(const EdgeBlock& block, bool turned) {
  std::map<std::pair<int32_t, int32_t>, size_t> pairs;
  for (int32_t target = 0; target + 1 < static_cast<int32_t>(block.offsets.size()); ++target)
    for (int32_t j = block.offsets[static_cast<size_t>(target)];
         j < block.offsets[static_cast<size_t>(target) + 1]; ++j) {
      const int32_t source = block.source[static_cast<size_t>(j)];
      ++pairs[turned ? std::pair(source, target) : std::pair(target, source)];
    }
  return pairs;
}

TEST(SamplerProperty, BidirectionalAddsEachEdgeOnceTheOtherWay) {
  size_t added = 0, known = 0;
  for (uint64_t number = 4000; number < 4200; ++number) {
    SCOPED_TRACE(number);
    Case c = random_case(number);
    const Batch one_way = sample(c, c.seeds, 1);
    c.config.bidirectional = true;
    const Batch both = sample(c, c.seeds, 1);
    for (size_t t = 0; t < both.nodes.size(); ++t) {
      ASSERT_EQ(both.nodes[t].row, one_way.nodes[t].row);
      ASSERT_EQ(both.nodes[t].seed, one_way.nodes[t].seed);
    }
    for (size_t e = 0; e < both.edges.size(); ++e) {
      const size_t reverse = c.graph.reverse_of(EdgeTypeId(static_cast<int32_t>(e))).index();
      const EdgeBlock &own = one_way.edges[e], &all = both.edges[e];
      auto expected = pairs_of(own, false);
      for (const auto& [pair, times] : pairs_of(one_way.edges[reverse], true)) {
        size_t& both_times = expected[pair];
        known += std::min(both_times, times);
        both_times = std::max(both_times, times);
      }
      ASSERT_EQ(pairs_of(all, false), expected);
      added += all.source.size() - own.source.size();
      ASSERT_EQ(all.offsets.size(), own.offsets.size());
      for (size_t t = 0; t + 1 < own.offsets.size(); ++t) {
        const auto first = all.source.begin() + all.offsets[t];
        const int32_t count = own.offsets[t + 1] - own.offsets[t];
        ASSERT_TRUE(std::equal(first, first + count, own.source.begin() + own.offsets[t]));
        ASSERT_TRUE(std::is_sorted(first + count, all.source.begin() + all.offsets[t + 1]));
      }
    }
  }
  EXPECT_GT(added, 10'000u);
  EXPECT_GT(known, 10'000u);
}

TEST(SamplerProperty, ThreadsChangeNothing) {
  for (uint64_t number = 2000; number < 2060; ++number) {
    SCOPED_TRACE(number);
    Case c = random_case(number);
    c.config.bidirectional = number % 2 == 0;
    const Batch one = sample(c, c.seeds, 1);
    ASSERT_NO_FATAL_FAILURE(expect_same(one, sample(c, c.seeds, 2)));
    ASSERT_NO_FATAL_FAILURE(expect_same(one, sample(c, c.seeds, 4)));
  }
}

TEST(SamplerProperty, ReusedMemoryChangesNothing) {
  ThreadPool pool(2);
  for (uint64_t number = 3000; number < 3040; ++number) {
    SCOPED_TRACE(number);
    Case c = random_case(number);
    c.config.bidirectional = number % 2 == 0;
    const Sampler sampler(c.graph, c.config);
    Batch batch;
    sampler.sample(c.seeds, RngKey(77), pool, batch);
    Seeds fewer = c.seeds;
    const size_t half = c.seeds.keys.size() / 2;
    fewer.keys.resize(half);
    fewer.nodes.resize(half);
    if (!fewer.time_us.empty()) fewer.time_us.resize(half);
    fewer.targets = std::max<int64_t>(0, fewer.size() - (c.seeds.size() - c.seeds.targets));
    sampler.sample(fewer, RngKey(77), pool, batch);
    ASSERT_NO_FATAL_FAILURE(expect_same(batch, sample(c, fewer, 1)));
    sampler.sample(c.seeds, RngKey(77), pool, batch);
    ASSERT_NO_FATAL_FAILURE(expect_same(batch, sample(c, c.seeds, 1)));
  }
}

}  // namespace
}  // namespace rle
