#include "sample/seed_trees.h"

namespace rle {
namespace {

// Seeds of a group have 4 bits and node types 28.
uint64_t tree_key(int32_t seed, size_t type, NodeId node) {
  return static_cast<uint64_t>(seed) << 60 | static_cast<uint64_t>(type) << 32 | node;
}

// Nodes first reached in the hop before `hop`.
struct Frontier {
  int64_t begin, end;
};
Frontier frontier(const TreeNodes& nodes, size_t hop) {
  return {hop == 0 ? 0 : nodes.hop_end[hop - 1], nodes.hop_end[hop]};
}

}  // namespace

void TreeGrower::grow(const Graph& graph, const SamplerConfig& config,
                      const std::vector<uint64_t>& edge_type_keys, const Seeds& seeds, RngKey key,
                      int64_t first, int64_t count, SeedTrees& out) {
  out.first_seed = first;
  out.seeds = count;
  graph.seed_limits(seeds.time_us.empty() ? nullptr : seeds.time_us.data() + first, count,
                    config.current_time, limits_);
  plant(graph, seeds, key, out);
  for (size_t hop = 0; hop < config.fanouts.size(); ++hop) {
    ask(graph, config, edge_type_keys, hop, out);
    attach(graph.schema(), hop, out);
  }
}

void TreeGrower::plant(const Graph& graph, const Seeds& seeds, RngKey key, SeedTrees& out) {
  const size_t types = graph.schema().node_types.size(), edge_types = graph.schema().edge_types.size();
  out.nodes.resize(types);
  out.edges.resize(edge_types);
  position_.resize(types);
  answers_.resize(edge_types);
  for (TreeNodes& nodes : out.nodes) {
    nodes.node.clear();
    nodes.seed.clear();
    nodes.hop_end.clear();
  }
  for (TreeEdges& edges : out.edges) {
    edges.offsets.assign(1, 0);
    edges.source.clear();
  }
  found_.clear();
  found_.reserve(out.seeds);
  row_keys_.clear();
  TreeNodes& roots = out.nodes[seeds.entity_type.index()];
  for (int32_t seed = 0; seed < out.seeds; ++seed) {
    const size_t i = static_cast<size_t>(out.first_seed + seed);
    row_keys_.push_back(key.with(seeds.keys[i]));
    found_.insert(tree_key(seed, seeds.entity_type.index(), seeds.nodes[i]), seed);
    roots.node.push_back(seeds.nodes[i]);
    roots.seed.push_back(seed);
  }
  for (TreeNodes& nodes : out.nodes) nodes.hop_end.push_back(nodes.size());
}

void TreeGrower::ask(const Graph& graph, const SamplerConfig& config,
                     const std::vector<uint64_t>& edge_type_keys, size_t hop, const SeedTrees& trees) {
  for (size_t type = 0; type < trees.nodes.size(); ++type) {
    const Frontier f = frontier(trees.nodes[type], hop);
    const int32_t* seed = trees.nodes[type].seed.data() + f.begin;
    std::vector<int32_t>& position = position_[type];
    position.resize(static_cast<size_t>(f.end - f.begin));
    for (size_t i = 0; i < position.size(); ++i)
      position[i] = i > 0 && seed[i] == seed[i - 1] ? position[i - 1] + 1 : 0;
  }
  int64_t reached = 0;
  for (size_t e = 0; e < trees.edges.size(); ++e) {
    const size_t target = graph.schema().edge_types[e].target.index();
    const Frontier f = frontier(trees.nodes[target], hop);
    keys_.clear();
    if (f.begin < f.end)
      for (const RngKey& key : row_keys_) keys_.push_back(key.with(hop).with(edge_type_keys[e]));
    graph.sample({.edge_type = EdgeTypeId(static_cast<int32_t>(e)),
                  .fanout = config.fanouts[hop],
                  .strategy = config.strategy,
                  .limits = &limits_,
                  .keys = keys_.data(),
                  .targets = trees.nodes[target].node.data() + f.begin,
                  .seed = trees.nodes[target].seed.data() + f.begin,
                  .position = position_[target].data(),
                  .n = f.end - f.begin},
                 answers_[e]);
    reached += static_cast<int64_t>(answers_[e].sources.size());
  }
  found_.reserve(reached);
}

void TreeGrower::attach(const GraphSchema& schema, size_t hop, SeedTrees& trees) {
  cursor_.assign(trees.edges.size(), 0);
  for (int32_t seed = 0; seed < trees.seeds; ++seed)
    for (size_t e = 0; e < trees.edges.size(); ++e) {
      const EdgeTypeInfo& info = schema.edge_types[e];
      const TreeNodes& targets = trees.nodes[info.target.index()];
      TreeNodes& sources = trees.nodes[info.source.index()];
      TreeEdges& edges = trees.edges[e];
      const HopAnswer& answer = answers_[e];
      const Frontier f = frontier(targets, hop);
      for (int64_t& i = cursor_[e];
           i < f.end - f.begin && targets.seed[static_cast<size_t>(f.begin + i)] == seed; ++i) {
        for (int64_t j = answer.offsets[static_cast<size_t>(i)];
             j < answer.offsets[static_cast<size_t>(i) + 1]; ++j) {
          const NodeId node = answer.sources[static_cast<size_t>(j)];
          const int32_t fresh = static_cast<int32_t>(sources.size());
          const int32_t place = found_.insert(tree_key(seed, info.source.index(), node), fresh);
          if (place == fresh) {
            sources.node.push_back(node);
            sources.seed.push_back(seed);
          }
          edges.source.push_back(place);
        }
        edges.offsets.push_back(static_cast<int32_t>(edges.source.size()));
      }
    }
  for (TreeNodes& nodes : trees.nodes) nodes.hop_end.push_back(nodes.size());
}

}  // namespace rle
