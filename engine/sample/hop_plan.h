// What can be known of every tree from the schema, before any is grown: which edge types a hop asks the graph
// for, which lead back to where a node was reached from and need not be asked for, and which node types need
// a record of what a tree holds. A type needs none as long as each of its nodes can be reached in one way
// only.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"
#include "sample/sampler.h"

namespace rle {

// All targets of `edge_type` that the hop expands are children which the hop before reached from their
// parents by `from`, its reverse: the one source of each is that parent, as far as the seed sees it.
struct WayBack {
  EdgeTypeId edge_type, from;
};

struct HopPlan {
  std::vector<EdgeTypeId>
      edge_types;                  // to ask for, ascending: their targets may be among the nodes to expand
  std::vector<WayBack> ways_back;  // beside these
  // Per node type: 1 where a node that this hop reaches may be in the tree already, reached twice in this
  // hop, or asked for again in a later one.
  std::vector<uint8_t> recorded;
};

// Per hop, for seeds of these types.
std::vector<HopPlan> plan_hops(const Graph& graph, const std::vector<NodeTypeId>& seed_types,
                               const SamplerConfig& config);

}  // namespace rle
