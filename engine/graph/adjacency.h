// The neighbour lists of one edge type. Ids are positions in canonical order, so within a table ids ascend
// with time and nodes that are never visible come last: "visible by time t" is "id below a bound", and a list
// needs no times of its own unless its edges have some (tables of type edge).
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "base/array.h"
#include "base/ids.h"
#include "base/thread_pool.h"

namespace rle {

inline constexpr int64_t kNeverVisible = INT64_MAX;   // node time of a null: later than every seed
inline constexpr int64_t kAlwaysVisible = INT64_MIN;  // node time where the table has no time column

// The sources of target t are sources[offsets[t] .. offsets[t+1]), by (visible time, id). Without offsets a
// target has one source at most: sources[t], kNoNode where it has none. Immutable once built; never leaves
// graph/.
struct Adjacency {
  Array<uint32_t> offsets;  // (targets + 1), or empty
  Array<NodeId> sources;
  Array<int64_t> times_us;  // (edges) when the edge becomes visible; empty: as soon as its source is
  int64_t edges = 0;        // that become visible at some time
  bool disjoint = false;    // no source is in the lists twice

  static auto members(auto& self) {
    return std::tie(self.offsets, self.sources, self.times_us, self.edges, self.disjoint);
  }
};

// parents[c] is the parent of child c, or kNoNode. Parents (children) with ids from `visible_*` on are never
// visible.
Adjacency parents_of_children(std::vector<NodeId> parents, NodeId visible_parents);
Adjacency children_of_parents(const std::vector<NodeId>& parents, int64_t parent_nodes,
                              NodeId visible_children);

// The rows of a table of type edge, seen from one side; kNoNode for a missing end. Times are when a row
// becomes visible, the later of its own time and its source's; empty where the table has no time column. Rows
// with kNeverVisible are left out.
struct EdgeRows {
  const std::vector<NodeId>& sources;
  const std::vector<NodeId>& targets;
  std::vector<int64_t> times_us;
  int64_t source_nodes = 0, target_nodes = 0;
  NodeId visible_sources = 0;
};
Adjacency lists_of_edge_rows(const EdgeRows& rows, ThreadPool& pool);

}  // namespace rle
