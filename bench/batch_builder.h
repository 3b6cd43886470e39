// From a batch file to what the sampler would have given: nodes by hop, edges by target, distinct rows and
// ages.
#pragma once

#include <vector>

#include "bench/batch_file.h"
#include "sample/collate.h"
#include "train/dataset.h"

namespace rle {

// Borrows the data set, which must keep its source rows. Owns scratch memory; not thread-safe.
class BatchBuilder {
 public:
  // hops: how far the nodes may be from their seeds.
  BatchBuilder(const Dataset& dataset, int64_t hops);

  // All that a batch of the sampler promises. Error{kData} names file, tensor and place: a row that the
  // source or the history up to visible_until does not have, later than its seed, or twice for one seed;
  // seeds that are not the first nodes of their tables; edges that are no foreign key, double, or between
  // two seeds' subgraphs; nodes that no path of `hops` edges joins to their seed; labels the task can't have;
  // pairs of two times.
  void check(const BatchFile& file, ThreadPool& pool);

  // Only for files that were checked.
  void build(const BatchFile& file, ThreadPool& pool, Batch& out);

 private:
  NodeTypeId seed_type(const BatchFile& file, int64_t seed) const;
  std::vector<int64_t> seeds_by_type(const BatchFile& file) const;
  void check_seeds(const BatchFile& file) const;
  void check_labels(const BatchFile& file) const;
  void check_nodes(const BatchFile& file, const SeedLimits& limits) const;
  void check_edges(const BatchFile& file) const;
  void check_foreign_keys(const BatchFile& file, size_t edge_type, const SeedLimits& limits) const;
  SeedLimits limits_of(const BatchFile& file) const;
  void find_hops(const BatchFile& file);  // fails where they are too many
  void order_nodes(const BatchFile& file);
  void order_edges(const BatchFile& file);
  NodeId node_of(size_t type, int32_t row) const { return node_of_row_[type][static_cast<size_t>(row)]; }

  const Dataset& dataset_;
  const GraphSchema& schema_;
  int64_t hops_;
  std::vector<std::vector<NodeId>> node_of_row_;  // per node type and row of the source; kNoNode: left out

  std::vector<std::vector<int8_t>> hop_;     // per node type and node of the file
  std::vector<std::vector<int32_t>> place_;  // per node type and node of the file: in the batch
  std::vector<int32_t> next_;
  std::vector<SeedTrees> trees_;  // one group
  Seeds seeds_;
  Collator collator_;
};

}  // namespace rle
