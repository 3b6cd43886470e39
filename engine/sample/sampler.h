// Temporal neighbour sampling (docs/model.md, sampling): (graph, seeds, times, key) -> Batch. A seed's
// subgraph depends on the seed row alone, neither on the batch it is in nor on threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "base/thread_pool.h"
#include "graph/graph.h"
#include "sample/batch.h"

namespace rle {

struct SamplerConfig {
  std::vector<int64_t> fanouts{128, 64};
  TemporalStrategy strategy = TemporalStrategy::kUniform;
  bool current_time = true;    // visible: node time <= seed time; false: <
  bool bidirectional = false;  // every sampled edge both ways (sample/both_ways.h)
};

// Nodes and times. Equal keys of equal seeds give equal subgraphs, whatever else is asked for.
struct Seeds {
  NodeTypeId entity_type;
  std::vector<uint64_t> keys;    // (S) what the randomness of each seed is keyed by
  std::vector<NodeId> nodes;     // (S)
  std::vector<int64_t> time_us;  // (S), or empty: a task without time, all rows visible
  // Links: the last `targets` seeds are nodes of target_type; all others are of entity_type.
  NodeTypeId target_type{};
  int64_t targets = 0;

  int64_t size() const { return static_cast<int64_t>(nodes.size()); }
  NodeTypeId type_of(int64_t seed) const { return seed < size() - targets ? entity_type : target_type; }
};

// Borrows the graph. Thread-safe: each call takes a workspace of its own out of a store and puts it back, so
// that memory is reused; as many are kept as calls ever ran at once.
class Sampler {
 public:
  // Error{kSpec}: no hop, or a fanout below zero.
  Sampler(const Graph& graph, SamplerConfig config);
  ~Sampler();

  // `key` carries (seed, purpose, epoch); rows are mixed in here. Reuses the memory of `out`.
  void sample(const Seeds& seeds, RngKey key, ThreadPool& pool, Batch& out) const;

  const SamplerConfig& config() const { return config_; }

 private:
  struct Workspace;
  struct Store;

  const Graph& graph_;
  SamplerConfig config_;
  std::vector<uint64_t> edge_type_keys_;  // per edge type, of its names: other tables don't change its draws
  std::unique_ptr<Store> store_;
};

}  // namespace rle
