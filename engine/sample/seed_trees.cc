#include "sample/seed_trees.h"

#include <algorithm>
#include <numeric>

namespace rle {
namespace {

int64_t frontier_begin(const TreeNodes& nodes, size_t hop) { return hop == 0 ? 0 : nodes.hop_end[hop - 1]; }

}  // namespace

void TreeGrower::grow(const GrowthRule& rule, const Seeds& seeds, RngKey key, int64_t first, int64_t count,
                      SeedTrees& out) {
  out.first_seed = first;
  out.seeds = count;
  rule.graph.seed_limits(seeds.time_us.empty() ? nullptr : seeds.time_us.data() + first, count,
                         rule.config.current_time, limits_);
  plant(rule, seeds, key, out);
  for (size_t hop = 0; hop < rule.config.fanouts.size(); ++hop) {
    ask(rule, hop, out);
    attach(rule, hop, out);
  }
}

void TreeGrower::plant(const GrowthRule& rule, const Seeds& seeds, RngKey key, SeedTrees& out) {
  const GraphSchema& schema = rule.graph.schema();
  const size_t types = schema.node_types.size();
  out.nodes.resize(types);
  out.edges.resize(schema.edge_types.size());
  begin_.resize(types);
  next_begin_.resize(types);
  records_.resize(types);
  answers_.resize(schema.edge_types.size());
  size_.assign(types, 0);
  for (TreeNodes& nodes : out.nodes) {
    nodes.node.clear();
    nodes.seed.clear();
    nodes.hop_end.clear();
  }
  for (TreeEdges& edges : out.edges) {
    edges.offsets.assign(1, 0);
    edges.source.clear();
  }
  for (size_t type = 0; type < types; ++type) {
    records_[type].begin(schema.node_types[type].nodes, out.seeds);
    begin_[type].assign(static_cast<size_t>(out.seeds) + 1, 0);
  }
  for (const NodeTypeId type : {seeds.entity_type, seeds.target_type}) {
    records_[type.index()].reserve(out.seeds);
    out.nodes[type.index()].node.resize(static_cast<size_t>(out.seeds));
  }
  row_keys_.clear();
  for (int32_t seed = 0; seed < out.seeds; ++seed) {
    const auto i = static_cast<size_t>(out.first_seed + seed);
    const size_t type = seeds.type_of(out.first_seed + seed).index();
    row_keys_.push_back(key.with(seeds.keys[i]));
    int32_t position;
    records_[type].add(seed, &seeds.nodes[i], 1, &position, out.nodes[type].node.data(), size_[type]);
    out.nodes[type].seed.push_back(seed);
    for (size_t t = 0; t < types; ++t) begin_[t][static_cast<size_t>(seed) + 1] = size_[t];
  }
  for (size_t type = 0; type < types; ++type) out.nodes[type].node.resize(static_cast<size_t>(size_[type]));
  for (TreeNodes& nodes : out.nodes) nodes.hop_end.push_back(nodes.size());
}

void TreeGrower::ask(const GrowthRule& rule, size_t hop, const SeedTrees& trees) {
  for (const EdgeTypeId e : rule.plans[hop].edge_types) {
    const size_t target = rule.graph.schema().edge_types[e.index()].target.index();
    const int64_t first = frontier_begin(trees.nodes[target], hop);
    // Where a target has one source at most nothing is drawn.
    if (rule.graph.list_shape(e) != ListShape::kOneSource || rule.config.fanouts[hop] == 0)
      number_frontier(target);
    keys_.clear();
    for (const RngKey& key : row_keys_) keys_.push_back(key.with(hop).with(rule.edge_type_keys[e.index()]));
    rule.graph.sample({.edge_type = e,
                       .fanout = rule.config.fanouts[hop],
                       .strategy = rule.config.strategy,
                       .limits = &limits_,
                       .keys = keys_.data(),
                       .targets = trees.nodes[target].node.data() + first,
                       .seed = trees.nodes[target].seed.data() + first,
                       .position = position_.data(),
                       .n = begin_[target].back()},
                      answers_[e.index()]);
  }
}

void TreeGrower::number_frontier(size_t type) {
  const std::vector<int64_t>& begin = begin_[type];
  position_.resize(static_cast<size_t>(begin.back()));
  for (size_t s = 0; s + 1 < begin.size(); ++s)
    std::iota(position_.begin() + begin[s], position_.begin() + begin[s + 1], 0);
}

void TreeGrower::attach(const GrowthRule& rule, size_t hop, SeedTrees& trees) {
  const GraphSchema& schema = rule.graph.schema();
  const HopPlan& plan = rule.plans[hop];
  for (std::vector<int64_t>& begin : next_begin_) begin.assign(static_cast<size_t>(trees.seeds) + 1, 0);
  for (const EdgeTypeId e : plan.edge_types) {
    const size_t source = schema.edge_types[e.index()].source.index();
    const HopAnswer& answer = answers_[e.index()];
    TreeNodes& sources = trees.nodes[source];
    TreeEdges& edges = trees.edges[e.index()];
    const int32_t before = edges.offsets.back();
    edges.offsets.resize(edges.offsets.size() + answer.offsets.size() - 1);
    int32_t* offsets = edges.offsets.data() + edges.offsets.size() - answer.offsets.size();
    for (size_t i = 1; i < answer.offsets.size(); ++i)
      offsets[i] = before + static_cast<int32_t>(answer.offsets[i]);
    const size_t reached = answer.sources.size();
    edges.source.resize(edges.source.size() + reached);
    sources.node.resize(sources.node.size() + reached);
    sources.seed.resize(sources.node.size());
    if (plan.recorded[source] != 0)
      records_[source].reserve(static_cast<int64_t>(reached));
    else
      attach_fresh(e.index(), source, schema.edge_types[e.index()].target.index(), trees);
  }
  attach_recorded(rule, hop, trees);
  for (const WayBack& way : plan.ways_back) attach_way_back(rule, way, hop, trees);
  for (size_t type = 0; type < trees.nodes.size(); ++type) {
    TreeNodes& nodes = trees.nodes[type];
    nodes.node.resize(static_cast<size_t>(size_[type]));
    nodes.seed.resize(static_cast<size_t>(size_[type]));
    nodes.hop_end.push_back(nodes.size());
  }
  begin_.swap(next_begin_);
}

// Sources that no tree holds yet, all by this edge type.
void TreeGrower::attach_fresh(size_t edge_type, size_t source, size_t target, SeedTrees& trees) {
  const HopAnswer& answer = answers_[edge_type];
  TreeNodes& nodes = trees.nodes[source];
  const int32_t first = size_[source];
  std::copy(answer.sources.begin(), answer.sources.end(), nodes.node.begin() + first);
  UnsetVector<int32_t>& positions = trees.edges[edge_type].source;
  std::iota(positions.end() - static_cast<int64_t>(answer.sources.size()), positions.end(), first);
  for (int32_t seed = 0; seed < trees.seeds; ++seed) {
    const auto s = static_cast<size_t>(seed);
    const int64_t begin = answer.offsets[static_cast<size_t>(begin_[target][s])];
    const int64_t end = answer.offsets[static_cast<size_t>(begin_[target][s + 1])];
    std::fill(nodes.seed.begin() + first + begin, nodes.seed.begin() + first + end, seed);
    next_begin_[source][s + 1] = end;
  }
  size_[source] += static_cast<int32_t>(answer.sources.size());
}

// Each child has one edge, to the parent that it was reached from: the edges of the hop before, turned round.
void TreeGrower::attach_way_back(const GrowthRule& rule, const WayBack& way, size_t hop,
                                 SeedTrees& trees) const {
  const size_t type = rule.graph.schema().edge_types[way.edge_type.index()].source.index();
  const NodeId* end = limits_.end.data() + type * static_cast<size_t>(limits_.seeds);
  const TreeNodes& parents = trees.nodes[type];
  const UnsetVector<int32_t>& children = trees.edges[way.from.index()].offsets;
  TreeEdges& edges = trees.edges[way.edge_type.index()];
  for (int64_t p = frontier_begin(parents, hop - 1); p < parents.hop_end[hop - 1]; ++p) {
    const auto i = static_cast<size_t>(p);
    const auto count = static_cast<size_t>(children[i + 1] - children[i]);
    const bool visible = parents.node[i] < end[parents.seed[i]];
    const size_t offsets = edges.offsets.size(), sources = edges.source.size();
    edges.offsets.resize(offsets + count);
    if (visible) edges.source.resize(sources + count, static_cast<int32_t>(p));
    for (size_t c = 0; c < count; ++c)
      edges.offsets[offsets + c] = static_cast<int32_t>(sources + (visible ? c + 1 : 0));
  }
}

void TreeGrower::attach_recorded(const GrowthRule& rule, size_t hop, SeedTrees& trees) {
  const GraphSchema& schema = rule.graph.schema();
  const HopPlan& plan = rule.plans[hop];
  const auto recorded = [&](size_t type) { return plan.recorded[type] != 0; };
  for (int32_t seed = 0; seed < trees.seeds; ++seed) {
    const auto s = static_cast<size_t>(seed);
    for (const EdgeTypeId e : plan.edge_types) {
      const EdgeTypeInfo& info = schema.edge_types[e.index()];
      const size_t source = info.source.index();
      if (!recorded(source)) continue;
      const HopAnswer& answer = answers_[e.index()];
      const std::vector<int64_t>& begin = begin_[info.target.index()];
      const int64_t first = answer.offsets[static_cast<size_t>(begin[s])];
      const int64_t last = answer.offsets[static_cast<size_t>(begin[s + 1])];
      TreeNodes& nodes = trees.nodes[source];
      UnsetVector<int32_t>& positions = trees.edges[e.index()].source;
      const int32_t before = size_[source];
      records_[source].add(seed, answer.sources.data() + first, last - first,
                           positions.data() + positions.size() - answer.sources.size() + first,
                           nodes.node.data(), size_[source]);
      std::fill(nodes.seed.begin() + before, nodes.seed.begin() + size_[source], seed);
    }
    for (size_t type = 0; type < trees.nodes.size(); ++type)
      if (recorded(type)) next_begin_[type][s + 1] = size_[type] - trees.nodes[type].hop_end[hop];
  }
}

}  // namespace rle
