#include "train/shallow_keys.h"

#include <algorithm>

#include "base/error.h"

namespace rle {
namespace {

const Table* find_table(const std::vector<Table>& tables, const std::string& name) {
  for (const Table& table : tables)
    if (table.schema.name == name && table.schema.type == TableType::kNode) return &table;
  return nullptr;
}

}  // namespace

Column key_column(std::vector<int64_t> keys) {
  Column column;
  column.type = PhysicalType::kInt64;
  column.rows = static_cast<int64_t>(keys.size());
  column.ints = std::move(keys);
  return column;
}

Column key_column(const std::vector<std::string>& keys) {
  Column column;
  column.type = PhysicalType::kString;
  column.rows = static_cast<int64_t>(keys.size());
  std::vector<std::string_view> sorted(keys.begin(), keys.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  column.strings = std::make_shared<StringPool>(sorted);
  for (const std::string& key : keys) column.codes.edit().push_back(column.strings->find(key));
  return column;
}

void require_keys(const std::vector<std::string>& names, const std::vector<Table>& tables) {
  for (const std::string& name : names) {
    const Table* table = find_table(tables, name);
    if (table == nullptr)
      fail(ErrorCode::kSpec, "config.shallow_embeddings_list: there is no table '{}' of type node", name);
    if (!table->schema.primary_key)
      fail(ErrorCode::kSpec,
           "config.shallow_embeddings_list: table '{}' has no primary key, by which a row's embedding is "
           "found "
           "again; declare its primary_key, or take it out of the list",
           name);
  }
}

ShallowKeys visible_keys(const std::string& name, const std::vector<Table>& tables,
                         const Visibility& visibility) {
  const Table* table = find_table(tables, name);
  RLE_CHECK(table != nullptr && table->schema.primary_key);
  const std::vector<uint8_t> visible = visible_rows(*table, visibility);
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < table->rows; ++row)
    if (visible[static_cast<size_t>(row)] != 0) rows.push_back(row);
  return {name, table->at(*table->schema.primary_key).permuted(rows)};
}

std::vector<std::vector<NodeId>> find_shallow_rows(const std::vector<ShallowKeys>& keys, const Graph& graph,
                                                   Report& report) {
  std::vector<std::vector<NodeId>> rows(graph.schema().node_types.size());
  std::string without;
  for (const ShallowKeys& table : keys) {
    const NodeTypeId type = graph.schema().find_node_type(table.table);
    const int64_t nodes = graph.schema().node_types[type.index()].nodes;
    std::vector<NodeId>& of = rows[type.index()];
    of.assign(static_cast<size_t>(nodes), kNoNode);
    int64_t known = 0;
    const std::vector<NodeId> found = graph.lookup(type, table.keys.name, table.keys);
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i] == kNoNode) continue;
      of[found[i]] = static_cast<NodeId>(i);
      ++known;
    }
    if (known < nodes)
      without +=
          fmt::format("{}{} of {} in '{}'", without.empty() ? "" : ", ", nodes - known, nodes, table.table);
  }
  if (!without.empty()) report.info("rows that training does not see have no shallow embedding: {}", without);
  return rows;
}

}  // namespace rle
