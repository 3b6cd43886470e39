// The steps of Graph::build. Private to graph/.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace rle {

// One foreign key, joined: the parent's row of every row, and what had none.
struct JoinedKey {
  const Table* table = nullptr;
  const Column* column = nullptr;
  const KeyIndex* index = nullptr;
  NodeTypeId parent;
  std::vector<NodeId> parents;  // (rows) kNoNode: null or dangling
  int64_t dangling = 0, null_keys = 0;
  int64_t first_dangling = -1;  // row
};

// What makes two edge types: a foreign key of a node table, or a table of type edge.
struct Relation {
  const Table* table = nullptr;
  std::vector<JoinedKey> keys;  // 1, or 2 for a table of type edge
  EdgeTypeId forward, reverse;
};

// Lives for one call of Graph::build, on one thread (which uses the pool).
class GraphBuilder {
 public:
  GraphBuilder(const std::vector<Table>& tables, ThreadPool& pool, Report& report)
      : tables_(tables), pool_(pool), report_(report) {}
  Graph build();

 private:
  void add_node_types();
  void add_times(const Table& table);
  const Column* time_column(const Table& table) const;
  void index_keys();
  void add_relations();
  JoinedKey resolve(const Table& table, const ForeignKey& key) const;
  void name_edge_types();
  void join(JoinedKey& key);
  void build_lists();
  void build_edge_table(Relation& relation);
  std::vector<int64_t> edge_times(const Table& table, const std::vector<NodeId>& sources,
                                  NodeTypeId type) const;
  void report_keys() const;
  void report_null_times(const Table& table, int64_t nulls) const;
  void report_isolated() const;

  NodeTypeId node_type(std::string_view table) const;
  NodeTypeInfo& info(NodeTypeId type) { return graph_.schema_.node_types[type.index()]; }

  const std::vector<Table>& tables_;
  ThreadPool& pool_;
  Report& report_;
  Graph graph_;
  std::vector<const Table*> node_tables_;  // by node type
  std::vector<Relation> relations_;
};

}  // namespace rle
