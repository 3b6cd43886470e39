// The distinct ages of a batch's nodes of one type: seed time - node time in whole seconds. Where the batch's
// times lie on a grid that is coarse for their span (days, as a rule), ages are small whole numbers, and
// numbering them needs neither hash nor sort.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"
#include "sample/batch.h"
#include "sample/distinct.h"

namespace rle {

// Owned by one workspace, one per node type; not thread-safe.
class NodeAges {
 public:
  // Fills block.delta and block.delta_s from block.row, seed and distinct. seed_s: the seeds' times in
  // seconds.
  void index(const Graph& graph, NodeTypeId type, const std::vector<int64_t>& seed_s, NodeBlock& block);

 private:
  bool index_on_grid(int64_t step_s, const std::vector<int64_t>& seed_s, NodeBlock& block);
  void index_any(const std::vector<int64_t>& seed_s, NodeBlock& block);

  std::vector<int64_t> row_s_;                 // of the distinct rows; kNeverSeconds where the time is null
  std::vector<int32_t> row_part_, seed_part_;  // (distinct rows), (seeds): a node's number is the sum of two
  std::vector<NodeId> numbers_;                // the distinct sums
  DistinctRows sums_;
  DistinctValues values_;
};

}  // namespace rle
