// The links to the nodes of one type in the order in which they become visible: what had been linked to, and
// how often, by any time.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace rle {

// Owns its arrays: 4 bytes a link, 16 a distinct time. Thread-safe.
class LinksByTime {
 public:
  // The edges of every foreign key that refers to the type, and of every table of type edge that ends there
  // (both of its ends: two links). A link is visible once its row and both of its ends are.
  LinksByTime(const Graph& graph, NodeTypeId target);

  int64_t size() const { return static_cast<int64_t>(targets_.size()); }
  // Links [0, n) are those visible up to `latest_us`. O(log distinct times).
  int64_t visible(int64_t latest_us) const;
  NodeId target(int64_t link) const { return targets_[static_cast<size_t>(link)]; }

 private:
  std::vector<NodeId> targets_;    // (links)
  std::vector<int64_t> times_us_;  // (distinct times) ascending
  std::vector<int64_t> ends_;      // (distinct times) links visible by then
};

}  // namespace rle
