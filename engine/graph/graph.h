// The heterogeneous temporal graph: one node type per table of type node, two edge types per foreign key, neighbour lists
// sorted by time. Built once, immutable after; thread-safe to read. No pointer into its lists leaves this layer: callers ask
// for whole hops through GraphView.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/report.h"
#include "base/rng.h"
#include "base/thread_pool.h"
#include "table/column.h"

namespace rle {

inline constexpr int64_t kNeverVisible = INT64_MAX;  // node time of a null: later than every seed
inline constexpr int64_t kAlwaysVisible = INT64_MIN; // node time where the table has no time column

struct NodeTypeInfo {
  std::string name;
  int64_t nodes = 0;
  bool has_time = false;
};

// Messages flow source -> target; a target's neighbours are its sources.
struct EdgeTypeInfo {
  std::string name;     // "f2p_<column>", "rev_f2p_<column>"; tables of type edge: "<table>" and "rev_<table>"
  NodeTypeId source, target;
  int64_t edges = 0;
  int64_t dangling = 0, null_keys = 0;  // of the key behind it
};

struct GraphSchema {
  std::vector<NodeTypeInfo> node_types;  // in the order of the specification's tables
  std::vector<EdgeTypeInfo> edge_types;  // sorted by (source name, name, target name)

  NodeTypeId find_node_type(std::string_view name) const;  // Error{kInternal} where absent
};

enum class TemporalStrategy { kUniform, kLast };

// One hop's question: up to `fanout` neighbours by edge type `edge_type` for each of `targets`, as visible to its seed.
struct HopRequest {
  EdgeTypeId edge_type;
  int64_t fanout = 0;
  TemporalStrategy strategy = TemporalStrategy::kUniform;
  bool include_current_time = true;     // node time <= seed time, else <
  const NodeId* targets = nullptr;      // (n)
  const int64_t* seed_time_us = nullptr;// (n); nullptr: no time, every row is visible that is visible at any time
  const RngKey* keys = nullptr;         // (n) one a target: (seed, purpose, epoch, seed row, hop, edge type, position)
  int64_t n = 0;
};

// offsets (n + 1), sources in ascending (time, id); appended to by Graph::sample, cleared first.
struct HopAnswer {
  std::vector<int64_t> offsets;
  std::vector<NodeId> sources;
};

class Graph {
 public:
  // Tables must be in canonical order (sort_canonically). Joins keys, checks them, builds the lists.
  // Error{kSpec}: a foreign key to a table or column that is no key, types that can't match.
  // Error{kData}: duplicate primary or candidate key (table, value, two source rows).
  // Dangling keys, null keys, null times are counted and reported.
  static Graph build(const std::vector<Table>& tables, ThreadPool& pool, Report& report);

  const GraphSchema& schema() const { return schema_; }

  // Node times in microseconds; kAlwaysVisible / kNeverVisible as above.
  int64_t node_time_us(NodeTypeId type, NodeId node) const;

  // Looks key values up: for each row of `keys` the node of `type` whose primary (or named candidate) key equals it, or
  // kNoNode. `key_column` names the column of the type's table. Error{kSpec} where the types can't match.
  std::vector<NodeId> lookup(NodeTypeId type, std::string_view key_column, const Column& keys) const;

  // Thread-safe. Uniform: without replacement, all where no more than fanout are visible. Last: the newest.
  void sample(const HopRequest& request, HopAnswer& answer) const;

  // The number of visible neighbours of one target (for tests and for `inspect`).
  int64_t visible_degree(EdgeTypeId type, NodeId target, int64_t seed_time_us, bool include_current_time) const;

 private:
  // Lists of one edge type: sources of target t are [offsets[t], offsets[t+1]), by (visible time, source id).
  struct Adjacency {
    std::vector<int64_t> offsets;
    std::vector<NodeId> sources;
    std::vector<int64_t> times_us;  // when the edge becomes visible: the source's time, or the later of edge row and source
  };
  struct KeyIndex;

  GraphSchema schema_;
  std::vector<std::vector<int64_t>> times_us_;  // per node type; empty where it has no time
  std::vector<Adjacency> adjacency_;            // per edge type
  std::vector<std::shared_ptr<const KeyIndex>> keys_;
};

}  // namespace rle
