// The subgraphs of a few consecutive seeds of a batch, before the batch is put together. Node and edge
// positions are local to the group; nodes of a type are ordered by hop, then seed, then discovery.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "graph/graph.h"
#include "sample/hop_plan.h"
#include "sample/sampler.h"
#include "sample/tree_record.h"
#include "sample/unset_vector.h"

namespace rle {

struct TreeNodes {
  UnsetVector<NodeId> node;      // (N)
  UnsetVector<int32_t> seed;     // (N) within the group
  std::vector<int64_t> hop_end;  // (hops + 1)

  int64_t size() const { return static_cast<int64_t>(node.size()); }
};

struct TreeEdges {
  UnsetVector<int32_t> offsets;  // (targets that were expanded + 1)
  UnsetVector<int32_t> source;   // (E)
};

struct SeedTrees {
  int64_t first_seed = 0, seeds = 0;
  std::vector<TreeNodes> nodes;  // per node type
  std::vector<TreeEdges> edges;  // per edge type
};

// What all trees of a call have in common. Borrowed.
struct GrowthRule {
  const Graph& graph;
  const SamplerConfig& config;
  const std::vector<HopPlan>& plans;            // per hop
  const std::vector<uint64_t>& edge_type_keys;  // per edge type
};

// Grows the trees of one group after the other. Owned by one thread at a time; memory is reused.
class TreeGrower {
 public:
  // The trees of seeds [first, first + count). The result depends on those seeds, the configuration and the
  // key alone.
  void grow(const GrowthRule& rule, const Seeds& seeds, RngKey key, int64_t first, int64_t count,
            SeedTrees& out);

 private:
  void plant(const GrowthRule& rule, const Seeds& seeds, RngKey key, SeedTrees& out);
  void ask(const GrowthRule& rule, size_t hop, const SeedTrees& trees);
  void number_frontier(size_t type);
  void attach(const GrowthRule& rule, size_t hop, SeedTrees& trees);
  void attach_fresh(size_t edge_type, size_t source, size_t target, SeedTrees& trees);
  void attach_recorded(const GrowthRule& rule, size_t hop, SeedTrees& trees);
  void attach_way_back(const GrowthRule& rule, const WayBack& way, size_t hop, SeedTrees& trees) const;

  SeedLimits limits_;
  std::vector<RngKey> row_keys_, keys_;  // (seeds)
  std::vector<int32_t> position_;        // of the frontier's nodes of one type within their seed
  // Per node type: (seeds + 1) where the frontier's nodes of each seed begin, counted within the frontier.
  std::vector<std::vector<int64_t>> begin_, next_begin_;
  std::vector<HopAnswer> answers_;   // per edge type
  std::vector<TreeRecord> records_;  // per node type
  std::vector<int32_t> size_;        // per node type: nodes so far
};

}  // namespace rle
