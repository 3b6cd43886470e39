// The distinct ages of a batch's nodes of one type: seed time - node time in whole seconds. Where all times
// lie on a coarse grid (days, as a rule), ages are small whole numbers, and numbering them needs neither hash
// nor sort. Where there are few different times, nodes are numbered by their pair of times, and only the
// pairs' ages are sorted.
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
  bool index_pairs(const std::vector<int64_t>& seed_s, NodeBlock& block);
  void index_any(const std::vector<int64_t>& seed_s, NodeBlock& block);
  void add_parts(NodeBlock& block) const;

  std::vector<int64_t> row_s_;                 // of the distinct rows; kNeverSeconds where the time is null
  std::vector<int32_t> row_part_, seed_part_;  // (distinct rows), (seeds): a node's number is the sum of two
  std::vector<int64_t> row_times_s_, seed_times_s_;  // the different times, ascending
  std::vector<NodeId> numbers_;                      // the distinct sums
  std::vector<int32_t> age_of_pair_;
  DistinctInRange sums_;
  DistinctValues values_;
};

}  // namespace rle
