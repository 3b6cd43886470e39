// Puts the trees of a batch's groups together: nodes of a type by hop, then group, so that the order is that
// of the seeds.
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "graph/graph.h"
#include "sample/batch.h"
#include "sample/distinct.h"
#include "sample/node_ages.h"
#include "sample/sampler.h"
#include "sample/seed_trees.h"

namespace rle {

// Scratch memory of the calls; owned by one workspace.
class Collator {
 public:
  // `groups` hold the trees of consecutive seeds and cover `seeds`. Fills `out`.
  // Error{kSpec} where a type has more than 2^31 - 1 nodes or edges in the batch.
  void collate(const Graph& graph, const Seeds& seeds, const std::vector<SeedTrees>& groups, ThreadPool& pool,
               Batch& out);

 private:
  void lay_out(const GraphSchema& schema, const std::vector<SeedTrees>& groups, Batch& out);
  void copy_nodes(const SeedTrees& group, size_t g, Batch& out);
  void copy_edges(const GraphSchema& schema, const SeedTrees& group, size_t g, Batch& out);
  void copy_sources(const TreeNodes& nodes, size_t type, size_t g, const int32_t* from, int32_t n,
                    size_t most_hops, int32_t* to);
  void index_rows(const Graph& graph, const Seeds& seeds, size_t type, NodeBlock& block);

  int64_t& node_base(size_t type, size_t hop, size_t group) {
    return node_bases_[(type * hops_ + hop) * groups_ + group];
  }
  int64_t& edge_base(size_t type, size_t hop, size_t group) {
    return edge_bases_[(type * hops_ + hop) * groups_ + group];
  }

  size_t hops_ = 0, groups_ = 0;  // hops with the seeds' own, 0
  std::vector<int64_t> node_bases_, edge_bases_;
  std::vector<DistinctRows> rows_;  // per node type
  std::vector<NodeAges> ages_;
  std::vector<int64_t> seed_s_;
};

}  // namespace rle
