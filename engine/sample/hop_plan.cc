#include "sample/hop_plan.h"

#include <algorithm>

namespace rle {
namespace {

constexpr EdgeTypeId kNone(-1);

// Whether the lists of one hop may name a source twice. Hop 0 reads one list a tree.
bool repeats(ListShape shape, size_t hop) {
  return shape == ListShape::kAny || (shape == ListShape::kOneSource && hop > 0);
}

// Of a node type: the edge type that alone reached its nodes in the hop before; kNone: several, or none.
EdgeTypeId only_way(const Graph& graph, const HopPlan* before, size_t node_type) {
  EdgeTypeId way = kNone;
  if (before == nullptr) return kNone;
  for (const EdgeTypeId e : before->edge_types) {
    if (graph.schema().edge_types[e.index()].source.index() != node_type) continue;
    if (way.value >= 0) return kNone;
    way = e;
  }
  return way;
}

}  // namespace

std::vector<HopPlan> plan_hops(const Graph& graph, const std::vector<NodeTypeId>& seed_types,
                               const SamplerConfig& config) {
  const GraphSchema& schema = graph.schema();
  const size_t types = schema.node_types.size(), hops = config.fanouts.size();
  std::vector<HopPlan> plans(hops);
  std::vector<uint8_t> reached(types, 0), frontier(types, 0);
  for (const NodeTypeId type : seed_types) reached[type.index()] = frontier[type.index()] = 1;
  for (size_t hop = 0; hop < hops; ++hop) {
    HopPlan& plan = plans[hop];
    plan.recorded.assign(types, 0);
    std::vector<uint8_t> next(types, 0);
    for (size_t e = 0; e < schema.edge_types.size(); ++e) {
      const size_t source = schema.edge_types[e].source.index(), target = schema.edge_types[e].target.index();
      if (frontier[target] == 0) continue;
      const EdgeTypeId id(static_cast<int32_t>(e)), from = graph.reverse_of(id);
      const bool children = graph.list_shape(from) == ListShape::kDisjoint && config.fanouts[hop] > 0;
      if (children && only_way(graph, hop == 0 ? nullptr : &plans[hop - 1], target) == from &&
          plans[hop - 1].recorded[target] == 0) {
        plan.ways_back.push_back({id, from});
        continue;
      }
      plan.edge_types.push_back(id);
      if (reached[source] != 0 || next[source] != 0 || repeats(graph.list_shape(id), hop))
        plan.recorded[source] = 1;
      next[source] = 1;
    }
    for (size_t type = 0; type < types; ++type) reached[type] |= next[type];
    frontier = next;
  }
  for (size_t hop = hops; hop-- > 1;)
    for (size_t type = 0; type < types; ++type) plans[hop - 1].recorded[type] |= plans[hop].recorded[type];
  return plans;
}

}  // namespace rle
