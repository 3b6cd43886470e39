// The whole visible neighbourhood of many seeds at one time as one subgraph that they share: at one time a
// node's vector after any layer is the same for all seeds, so that it is computed once (docs/model.md, exact
// inference).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/graph.h"
#include "sample/batch.h"
#include "sample/distinct.h"
#include "sample/node_ages.h"

namespace rle {

// Borrows the graph. Keeps 4 bytes for each of its nodes. One thread at a time.
class FullNeighbourhood {
 public:
  FullNeighbourhood(const Graph& graph, int64_t hops, bool current_time);

  // Fills `out` with every row that is visible at the time and within `hops` of one of the nodes, with all
  // its edges. In it each row is one node, and NodeBlock::seed is 0. nodes: `count` different ones of the
  // entity type. time_us absent: a task without time. False, with `out` unfinished, where it would have more
  // than most_nodes nodes. Error{kSpec}: more than 2^31 - 1 nodes or edges of one type.
  bool collect(NodeTypeId entity_type, const NodeId* nodes, int64_t count, std::optional<int64_t> time_us,
               int64_t most_nodes, Batch& out);

 private:
  bool expand(size_t hop, int64_t most_nodes, Batch& out);
  void attach(EdgeTypeId edge_type, Batch& out);
  void finish(std::optional<int64_t> time_us, Batch& out);
  void forget(const Batch& out);

  const Graph& graph_;
  const size_t hops_;
  const bool current_time_;
  SeedLimits limits_;
  HopAnswer answer_;
  std::vector<std::vector<int32_t>> place_;  // per node type and node: where in `out`, or -1
  std::vector<int32_t> zeros_;
  std::vector<DistinctRows> rows_;  // per node type
  std::vector<NodeAges> ages_;
};

}  // namespace rle
