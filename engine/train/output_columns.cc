#include "train/output_columns.h"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace rle {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string free_name(const Table& table, std::string name) {
  const auto taken = [&](const std::string& wanted) {
    return std::any_of(table.columns.begin(), table.columns.end(),
                       [&](const Column& column) { return lower(column.name) == lower(wanted); });
  };
  while (taken(name)) name = "gnn_" + name;
  return name;
}

}  // namespace

Column& add_column(Table& table, const std::string& name, PhysicalType type, std::string arrow_format) {
  Column column;
  column.name = free_name(table, name);
  column.type = type;
  column.arrow_format = std::move(arrow_format);
  column.rows = table.rows;
  table.columns.push_back(std::move(column));
  return table.columns.back();
}

Table keys_of_rows(const TaskSpec& task, const Table& source, const std::vector<int64_t>& rows) {
  Table table;
  table.schema.name = source.schema.name;
  table.rows = static_cast<int64_t>(rows.size());
  table.columns.push_back(source.at(task.entity_column).permuted(rows));
  if (task.time_column) table.columns.push_back(source.at(*task.time_column).permuted(rows));
  return table;
}

std::vector<int64_t> rows_in_source_order(const LabelTable& labels) {
  std::vector<int64_t> order(static_cast<size_t>(labels.rows));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return labels.source_row[static_cast<size_t>(a)] < labels.source_row[static_cast<size_t>(b)];
  });
  return order;
}

}  // namespace rle
