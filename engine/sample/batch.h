// One mini-batch: every seed's own sampled subgraph, laid out for the model. Distinct rows are listed once
// per node type, so that a row is encoded once however many seeds reached it; distinct time differences
// likewise.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace rle {

// The sampled nodes of one type, ordered by hop, then seed, then discovery. The first hop_end[0] are the
// seeds of this type. A seed whose own row has a null time counts as having the seed's time (delta 0);
// no other such row is ever sampled.
struct NodeBlock {
  std::vector<int32_t> row;      // (N) index into distinct
  std::vector<int32_t> seed;     // (N) the seed whose subgraph holds the node
  std::vector<int32_t> delta;    // (N) index into delta_s; empty where the type (or the task) has no time
  std::vector<int64_t> hop_end;  // (hops + 1) nodes reached within h hops are [0, hop_end[h])
  std::vector<NodeId> distinct;  // (D) node ids, ascending
  std::vector<int64_t>
      delta_s;  // (U) distinct seed time - node time in whole seconds (each floored first), ascending

  int64_t nodes() const { return static_cast<int64_t>(row.size()); }
};

// The sampled edges of one type: the sources of target node i are source[offsets[i] .. offsets[i+1]).
// offsets covers all N_target nodes; nodes of the last hop have none, unless the subgraphs are bidirectional.
struct EdgeBlock {
  std::vector<int32_t> offsets;  // (N_target + 1)
  std::vector<int32_t> source;   // (E) nodes of the source type
  int64_t edges() const { return static_cast<int64_t>(source.size()); }
};

struct Batch {
  int64_t seeds = 0;
  // Edges both ways: a node's sources may lie at any hop. Else a node h hops away has sources of h + 1 at
  // most.
  bool bidirectional = false;
  std::vector<NodeBlock> nodes;  // per node type
  std::vector<EdgeBlock> edges;  // per edge type
};

}  // namespace rle
