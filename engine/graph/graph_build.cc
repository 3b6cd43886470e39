#include "graph/graph_build.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/huge_pages.h"
#include "base/time.h"

namespace rle {
namespace {

constexpr int64_t kRowsPerChunk = 1 << 16;

const Column& column_of(const Table& table, std::string_view name, std::string_view use) {
  for (const Column& column : table.columns)
    if (column.name == name) return column;
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(column.name);
  fail(ErrorCode::kSpec, "table '{}' has no column '{}', which the specification names as its {}{}",
       table.schema.name, name, use, suggestion(name, names));
}

// The greatest number of seconds that divides all differences of the first `visible` of the ascending times.
int64_t common_step_s(const std::vector<int64_t>& times, int64_t visible) {
  int64_t step = 0;
  for (int64_t row = 1; !times.empty() && row < visible && step != 1; ++row) {
    const int64_t before = times[static_cast<size_t>(row) - 1], time = times[static_cast<size_t>(row)];
    if (time != before) step = std::gcd(step, floor_seconds(time) - floor_seconds(before));
  }
  return step;
}

std::string key_list(const std::vector<KeyIndex>& keys) {
  std::string list;
  for (const KeyIndex& key : keys) list += (list.empty() ? "'" : ", '") + key.column() + "'";
  return list.empty() ? "it has none" : "its keys: " + list;
}

}  // namespace

Graph Graph::build(const std::vector<Table>& tables, ThreadPool& pool, Report& report) {
  return GraphBuilder(tables, pool, report).build();
}

Graph GraphBuilder::build() {
  add_node_types();
  index_keys();
  add_relations();
  name_edge_types();
  for (Relation& relation : relations_)
    for (JoinedKey& key : relation.keys) join(key);
  report_keys();
  build_lists();
  report_isolated();
  for (const Array<int64_t>& times : graph_.times_us_) use_huge_pages(times);
  for (const Adjacency& lists : graph_.adjacency_) {
    use_huge_pages(lists.offsets);
    use_huge_pages(lists.sources);
    use_huge_pages(lists.times_us);
  }
  return std::move(graph_);
}

void GraphBuilder::add_node_types() {
  for (const Table& table : tables_) {
    if (table.rows >= kNoNode)
      fail(ErrorCode::kData,
           "table '{}' has {} rows; a table may have {} at most: split it, or leave out old rows",
           table.schema.name, table.rows, kNoNode - 1);
    const auto same = [&](const NodeTypeInfo& other) { return other.name == table.schema.name; };
    if (std::any_of(graph_.schema_.node_types.begin(), graph_.schema_.node_types.end(), same))
      fail(ErrorCode::kSpec, "two tables are named '{}'; give each its own name", table.schema.name);
    if (table.schema.type != TableType::kNode) continue;
    graph_.schema_.node_types.push_back(
        {table.schema.name, table.rows, table.schema.time_column.has_value()});
    node_tables_.push_back(&table);
    add_times(table);
  }
}

const Column* GraphBuilder::time_column(const Table& table) const {
  if (!table.schema.time_column) return nullptr;
  const Column& column = column_of(table, *table.schema.time_column, "time column");
  if (column.type != PhysicalType::kTimestamp)
    fail(ErrorCode::kSpec,
         "table '{}': time column '{}' has type {}; expected a date or a timestamp: declare its dtype "
         "datetime, or "
         "convert it in the source",
         table.schema.name, column.name, to_string(column.type));
  return &column;
}

void GraphBuilder::add_times(const Table& table) {
  std::vector<int64_t> times;
  int64_t nulls = 0;
  if (const Column* column = time_column(table)) {
    times.assign(column->ints.begin(), column->ints.end());
    for (int64_t row = 0; row < column->rows; ++row)
      if (column->is_null(row)) times[static_cast<size_t>(row)] = kNeverVisible, ++nulls;
    RLE_CHECK(std::is_sorted(times.begin(), times.end()));  // canonical order: by time, nulls last
  }
  report_null_times(table, nulls);
  graph_.time_steps_s_.push_back(common_step_s(times, table.rows - nulls));
  graph_.times_us_.push_back(std::move(times));
  graph_.visible_nodes_.push_back(static_cast<NodeId>(table.rows - nulls));
}

void GraphBuilder::index_keys() {
  std::vector<std::optional<Error>> errors(node_tables_.size());
  graph_.keys_.resize(node_tables_.size());
  pool_.for_each(static_cast<int64_t>(node_tables_.size()), [&](int64_t i) {
    const Table& table = *node_tables_[static_cast<size_t>(i)];
    std::vector<KeyIndex>& keys = graph_.keys_[static_cast<size_t>(i)];
    try {
      if (table.schema.primary_key)
        keys.emplace_back(table, column_of(table, *table.schema.primary_key, "primary key"), false);
      for (const CandidateKey& key : table.schema.candidate_keys)
        keys.emplace_back(table, column_of(table, key.column, "candidate key"), true);
    } catch (const Error& error) {
      errors[static_cast<size_t>(i)] = error;
    }
  });
  for (const std::optional<Error>& error : errors)
    if (error) throw *error;
}

NodeTypeId GraphBuilder::node_type(std::string_view table) const {
  for (size_t i = 0; i < node_tables_.size(); ++i)
    if (node_tables_[i]->schema.name == table) return NodeTypeId(static_cast<int32_t>(i));
  return NodeTypeId(-1);
}

JoinedKey GraphBuilder::resolve(const Table& table, const ForeignKey& key) const {
  JoinedKey joined;
  joined.table = &table;
  joined.column = &column_of(table, key.column, "foreign key");
  joined.parent = node_type(key.parent_table);
  if (joined.parent.value < 0) {
    std::vector<std::string> names;
    for (const Table* node_table : node_tables_) names.push_back(node_table->schema.name);
    fail(ErrorCode::kSpec,
         "table '{}': foreign key '{}' refers to '{}.{}', but there is no table of type node '{}'{}",
         table.schema.name, key.column, key.parent_table, key.parent_column, key.parent_table,
         suggestion(key.parent_table, names));
  }
  const std::vector<KeyIndex>& keys = graph_.keys_[joined.parent.index()];
  for (const KeyIndex& index : keys)
    if (index.column() == key.parent_column) joined.index = &index;
  if (joined.index == nullptr) {
    column_of(*node_tables_[joined.parent.index()], key.parent_column, "key");
    fail(ErrorCode::kSpec,
         "table '{}': foreign key '{}' refers to '{}.{}', which is neither the primary key nor a candidate "
         "key of "
         "'{}' ({}): refer to one of them, or declare '{}' a candidate key",
         table.schema.name, key.column, key.parent_table, key.parent_column, key.parent_table, key_list(keys),
         key.parent_column);
  }
  if (!joined.index->matches(joined.column->type))
    fail(ErrorCode::kSpec,
         "table '{}': foreign key '{}' has type {}, but '{}.{}' has type {}; both must be integers or both "
         "strings: "
         "convert one of them in its source",
         table.schema.name, key.column, to_string(joined.column->type), key.parent_table, key.parent_column,
         to_string(joined.index->type()));
  return joined;
}

void GraphBuilder::add_relations() {
  for (const Table& table : tables_) {
    const std::vector<ForeignKey>& keys = table.schema.foreign_keys;
    if (table.schema.type == TableType::kEdge) {
      if (keys.size() != 2)
        fail(ErrorCode::kSpec,
             "table '{}' has type edge and {} foreign keys; an edge has exactly two ends: declare two "
             "foreign keys, or "
             "type node",
             table.schema.name, keys.size());
      relations_.push_back({&table, {resolve(table, keys[0]), resolve(table, keys[1])}, {}, {}});
      continue;
    }
    for (const ForeignKey& key : keys) relations_.push_back({&table, {resolve(table, key)}, {}, {}});
  }
}

void GraphBuilder::name_edge_types() {
  struct Named {
    EdgeTypeInfo info;
    size_t relation;
    bool reverse;
  };
  std::vector<Named> all;
  for (size_t i = 0; i < relations_.size(); ++i) {
    const Relation& r = relations_[i];
    const bool edge_table = r.keys.size() == 2;
    const std::string name = edge_table ? r.table->schema.name : "f2p_" + r.keys[0].column->name;
    const NodeTypeId source = edge_table ? r.keys[0].parent : node_type(r.table->schema.name);
    const NodeTypeId target = r.keys.back().parent;
    all.push_back({{name, source, target}, i, false});
    all.push_back({{"rev_" + name, target, source}, i, true});
  }
  const auto order = [&](const Named& e) {
    return std::tie(info(e.info.source).name, e.info.name, info(e.info.target).name);
  };
  std::sort(all.begin(), all.end(), [&](const Named& a, const Named& b) { return order(a) < order(b); });
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& [source, name, target] = order(all[i]);
    if (i > 0 && order(all[i - 1]) == order(all[i]))
      fail(ErrorCode::kSpec,
           "two edge types from '{}' to '{}' are named '{}': declare each foreign key once, and rename a "
           "table of type "
           "edge that takes the name of another edge type",
           source, target, name);
    const EdgeTypeId id(static_cast<int32_t>(i));
    Relation& relation = relations_[all[i].relation];
    (all[i].reverse ? relation.reverse : relation.forward) = id;
    graph_.schema_.edge_types.push_back(all[i].info);
  }
}

void GraphBuilder::join(JoinedKey& key) {
  const KeyProbe probe(*key.index, *key.column);
  const int64_t rows = key.table->rows, chunks = (rows + kRowsPerChunk - 1) / kRowsPerChunk;
  struct Missing {
    int64_t dangling = 0, nulls = 0, first = -1;
  };
  std::vector<Missing> missing(static_cast<size_t>(chunks));
  key.parents.resize(static_cast<size_t>(rows));
  pool_.for_chunks(rows, kRowsPerChunk, [&](int64_t begin, int64_t end) {
    Missing m;
    for (int64_t row = begin; row < end; ++row) {
      const NodeId parent = probe.at(row);
      key.parents[static_cast<size_t>(row)] = parent;
      if (parent != kNoNode) continue;
      const bool null = key.column->is_null(row);
      ++(null ? m.nulls : m.dangling);
      if (!null && m.first < 0) m.first = row;
    }
    missing[static_cast<size_t>(begin / kRowsPerChunk)] = m;
  });
  for (const Missing& m : missing) {
    key.dangling += m.dangling;
    key.null_keys += m.nulls;
    if (key.first_dangling < 0) key.first_dangling = m.first;
  }
}

void GraphBuilder::build_lists() {
  graph_.adjacency_.resize(graph_.schema_.edge_types.size());
  graph_.reverses_.resize(graph_.schema_.edge_types.size());
  for (const Relation& relation : relations_) {
    graph_.reverses_[relation.forward.index()] = relation.reverse;
    graph_.reverses_[relation.reverse.index()] = relation.forward;
  }
  pool_.for_each(static_cast<int64_t>(relations_.size()), [&](int64_t i) {
    Relation& relation = relations_[static_cast<size_t>(i)];
    if (relation.keys.size() == 2) return build_edge_table(relation);
    JoinedKey& key = relation.keys[0];
    const NodeTypeId child = node_type(relation.table->schema.name);
    graph_.adjacency_[relation.forward.index()] =
        children_of_parents(key.parents, info(key.parent).nodes, graph_.visible_nodes_[child.index()]);
    graph_.adjacency_[relation.reverse.index()] =
        parents_of_children(std::move(key.parents), graph_.visible_nodes_[key.parent.index()]);
  });
  for (const Relation& relation : relations_)
    for (EdgeTypeId id : {relation.forward, relation.reverse}) {
      EdgeTypeInfo& edge = graph_.schema_.edge_types[id.index()];
      edge.edges = graph_.adjacency_[id.index()].edges;
      for (const JoinedKey& key : relation.keys)
        edge.dangling += key.dangling, edge.null_keys += key.null_keys;
    }
}

void GraphBuilder::build_edge_table(Relation& relation) {
  const JoinedKey &a = relation.keys[0], &b = relation.keys[1];
  const auto lists = [&](const JoinedKey& source, const JoinedKey& target) {
    return lists_of_edge_rows(
        {source.parents, target.parents, edge_times(*relation.table, source.parents, source.parent),
         info(source.parent).nodes, info(target.parent).nodes, graph_.visible_nodes_[source.parent.index()]},
        pool_);
  };
  graph_.adjacency_[relation.forward.index()] = lists(a, b);
  graph_.adjacency_[relation.reverse.index()] = lists(b, a);
}

std::vector<int64_t> GraphBuilder::edge_times(const Table& table, const std::vector<NodeId>& sources,
                                              NodeTypeId type) const {
  const Column* column = time_column(table);
  if (column == nullptr) return {};
  std::vector<int64_t> times(column->ints.begin(), column->ints.end());
  for (int64_t row = 0; row < column->rows; ++row) {
    const size_t i = static_cast<size_t>(row);
    if (column->is_null(row))
      times[i] = kNeverVisible;
    else if (sources[i] != kNoNode)
      times[i] = std::max(times[i], graph_.node_time_us(type, sources[i]));
  }
  return times;
}

void GraphBuilder::report_null_times(const Table& table, int64_t nulls) const {
  if (nulls > 0)
    report_.warning("table '{}': {} of {} rows have no time in '{}'; they are never visible",
                    table.schema.name, nulls, table.rows, *table.schema.time_column);
}

void GraphBuilder::report_keys() const {
  for (const Relation& relation : relations_) {
    if (relation.keys.size() == 2) {
      const Column* time = time_column(*relation.table);
      int64_t nulls = 0;
      for (int64_t row = 0; time != nullptr && row < time->rows; ++row) nulls += time->is_null(row);
      report_null_times(*relation.table, nulls);
    }
    for (const JoinedKey& key : relation.keys)
      if (key.dangling > 0)
        report_.warning(
            "table '{}': {} of {} rows have a value in foreign key '{}' that '{}.{}' does not have (first: "
            "{} in row {} "
            "of the source, counted from 1); these rows get no edge",
            key.table->schema.name, key.dangling, key.table->rows, key.column->name,
            node_tables_[key.parent.index()]->schema.name, key.index->column(),
            key_text(*key.column, key.first_dangling), key.table->source_row(key.first_dangling) + 1);
  }
}

void GraphBuilder::report_isolated() const {
  std::vector<bool> linked(node_tables_.size(), false);
  for (const EdgeTypeInfo& edge : graph_.schema_.edge_types) linked[edge.source.index()] = true;
  for (size_t i = 0; i < linked.size(); ++i)
    if (!linked[i])
      report_.warning(
          "table '{}' is linked to no other table: no foreign key leaves it or refers to it; its rows reach "
          "no "
          "prediction but their own",
          node_tables_[i]->schema.name);
}

}  // namespace rle
