// The heterogeneous temporal graph: one node type per table of type node, two edge types per foreign key,
// neighbour lists sorted by time. Built once, immutable after; thread-safe to read. No pointer into its lists
// leaves this layer: callers ask for whole hops (sample).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/report.h"
#include "base/thread_pool.h"
#include "graph/adjacency.h"
#include "graph/hop.h"
#include "graph/key_index.h"
#include "table/column.h"

namespace rle {

struct NodeTypeInfo {
  std::string name;
  int64_t nodes = 0;
  bool has_time = false;

  static auto members(auto& self) { return std::tie(self.name, self.nodes, self.has_time); }
};

// Messages flow source -> target; a target's neighbours are its sources.
struct EdgeTypeInfo {
  std::string name;  // "f2p_<column>", "rev_f2p_<column>"; tables of type edge: "<table>" and "rev_<table>"
  NodeTypeId source, target;
  int64_t edges = 0;                    // that become visible at some time
  int64_t dangling = 0, null_keys = 0;  // of the key behind it; of both keys for tables of type edge

  static auto members(auto& self) {
    return std::tie(self.name, self.source, self.target, self.edges, self.dangling, self.null_keys);
  }
};

struct GraphSchema {
  std::vector<NodeTypeInfo> node_types;  // in the order of the specification's tables
  std::vector<EdgeTypeInfo> edge_types;  // sorted by (source name, name, target name)

  NodeTypeId find_node_type(std::string_view name) const;  // Error{kInternal} where absent

  static auto members(auto& self) { return std::tie(self.node_types, self.edge_types); }
};

// An edge's target, and when both of its ends and the edge itself are visible.
struct TimedEdge {
  int64_t time_us;
  NodeId target;
};

// What is known of all the neighbour lists of an edge type: a list holds one source at most; no source is in
// the lists twice; neither.
enum class ListShape { kOneSource, kDisjoint, kAny };

class Graph {
 public:
  // Tables must be in canonical order (sort_canonically). Joins keys, checks them, builds the lists.
  // Error{kSpec}: a foreign key to a table or column that is no key, types that can't match, two edge types
  // of one name. Error{kData}: duplicate primary or candidate key, null primary key (table, value, rows of
  // the source counted from 1). Dangling keys, null times and tables without a link are counted and reported
  // as warnings.
  static Graph build(const std::vector<Table>& tables, ThreadPool& pool, Report& report);

  const GraphSchema& schema() const { return schema_; }

  // Node times in microseconds; kAlwaysVisible / kNeverVisible as in adjacency.h.
  int64_t node_time_us(NodeTypeId type, NodeId node) const {
    const Array<int64_t>& times = times_us_[type.index()];
    return times.empty() ? kAlwaysVisible : times[node];
  }

  // The same of several nodes.
  void node_times_us(NodeTypeId type, const std::vector<NodeId>& nodes, std::vector<int64_t>& times_us) const;

  // In whole seconds, each floored, the times of any two visible nodes of the type differ by a multiple of
  // this. 0: no two differ.
  int64_t time_step_s(NodeTypeId type) const { return time_steps_s_[type.index()]; }

  ListShape list_shape(EdgeTypeId type) const;

  // The edge type of the same key, seen from the other end.
  EdgeTypeId reverse_of(EdgeTypeId type) const { return reverses_[type.index()]; }

  // Looks key values up: for each row of `keys` the node of `type` whose primary (or named candidate) key
  // equals it, or kNoNode. `key_column` names the column of the type's table. Error{kSpec} where it is no key
  // or the types can't match.
  std::vector<NodeId> lookup(NodeTypeId type, std::string_view key_column, const Column& keys) const;

  // The latest time that a seed at `seed_time_us` sees; absent: no time, every row is visible that is visible
  // at any time. current_time: node time <= seed time, else node time < seed time.
  static int64_t latest_visible_us(std::optional<int64_t> seed_time_us, bool current_time);
  // Nodes of the type with ids below it are visible up to `latest_us`.
  NodeId visible_end(NodeTypeId type, int64_t latest_us) const;

  // The same of several seeds. seed_time_us: (seeds), or nullptr: no time.
  void seed_limits(const int64_t* seed_time_us, int64_t seeds, bool current_time, SeedLimits& out) const;

  // Thread-safe. Uniform: without replacement, all where no more than fanout are visible. Last: the newest.
  void sample(const HopRequest& request, HopAnswer& answer) const;

  // The number of visible neighbours of one target (for tests and for `inspect`).
  int64_t visible_degree(EdgeTypeId type, NodeId target, int64_t seed_time_us, bool current_time) const;

  // All edges of a type that are visible at some time; those of a target one after another.
  std::vector<TimedEdge> timed_edges(EdgeTypeId type) const;

  static auto members(auto& self) {
    return std::tie(self.schema_, self.times_us_, self.time_steps_s_, self.visible_nodes_, self.adjacency_,
                    self.reverses_, self.keys_);
  }

 private:
  friend class GraphBuilder;

  void sample_parents(const HopRequest& request, HopAnswer& answer) const;

  GraphSchema schema_;
  std::vector<Array<int64_t>> times_us_;     // per node type, ascending; empty where it has no time
  std::vector<int64_t> time_steps_s_;        // per node type
  std::vector<NodeId> visible_nodes_;        // per node type: nodes with ids below it have no null time
  std::vector<Adjacency> adjacency_;         // per edge type
  std::vector<EdgeTypeId> reverses_;         // per edge type
  std::vector<std::vector<KeyIndex>> keys_;  // per node type: primary key, candidate keys
};

}  // namespace rle
