// Edges of a batch the other way as well, as PyG's subgraph_type "bidirectional" [4] (docs/model.md, section
// 6): with v <- u by an edge type, also u <- v by its reverse. Messages then leave a seed too, so that nodes
// of the last hop hear of it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "graph/graph.h"
#include "sample/batch.h"

namespace rle {

// Scratch memory of the calls; owned by one workspace.
class BothWays {
 public:
  // Adds to each node's sources those that it is a source of by the reverse edge type and that it has not
  // yet, ascending, after its own; a source that is there several times, as by several rows of an edge table,
  // is matched as often. Nodes stay as they are. Error{kSpec}: more than 2^31 - 1 edges of one type.
  void add(const Graph& graph, ThreadPool& pool, Batch& batch);

 private:
  // How often the target `of` has a source itself; of an earlier target: not at all.
  struct Own {
    int32_t of, times;
  };
  void turn(int64_t sources, const EdgeBlock& block, EdgeBlock& turned) const;
  void merge(const EdgeBlock& own, const EdgeBlock& turned, std::vector<Own>& owned, EdgeBlock& merged) const;

  std::vector<EdgeBlock> turned_, merged_;  // per edge type
  std::vector<std::vector<Own>> owned_;     // per edge type and node of its source type
};

}  // namespace rle
