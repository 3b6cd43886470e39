#include "train/signature.h"

#include <algorithm>

#include "base/error.h"

namespace rle {
namespace {

// The columns that a schema names as key or time.
std::vector<std::string> structural_columns(const TableSchema& schema) {
  std::vector<std::string> names;
  if (schema.primary_key) names.push_back(*schema.primary_key);
  if (schema.time_column) names.push_back(*schema.time_column);
  for (const CandidateKey& key : schema.candidate_keys) names.push_back(key.column);
  for (const ForeignKey& key : schema.foreign_keys) names.push_back(key.column);
  return names;
}

std::string quoted(const std::optional<std::string>& name) { return name ? "'" + *name + "'" : "none"; }

std::vector<std::string> key_texts(const TableSchema& schema) {
  std::vector<std::string> texts;
  for (const CandidateKey& key : schema.candidate_keys)
    texts.push_back(fmt::format("candidate key '{}'{}", key.column, key.is_feature ? " (a feature)" : ""));
  for (const ForeignKey& key : schema.foreign_keys)
    texts.push_back(fmt::format("foreign key '{}' -> {}.{}{}", key.column, key.parent_table,
                                key.parent_column, key.is_feature ? " (a feature)" : ""));
  std::sort(texts.begin(), texts.end());
  return texts;
}

void compare_keys(const TableSchema& trained, const TableSchema& found, std::vector<std::string>& out) {
  const auto differ = [&](std::string_view what, const std::string& now, const std::string& then) {
    if (now != then)
      out.push_back(fmt::format("table '{}': its {} is {}, the model was trained with {}", trained.name, what,
                                now, then));
  };
  const auto type = [](TableType t) { return std::string(t == TableType::kNode ? "node" : "edge"); };
  differ("type", type(found.type), type(trained.type));
  differ("primary key", quoted(found.primary_key), quoted(trained.primary_key));
  differ("time column", quoted(found.time_column), quoted(trained.time_column));
  const std::vector<std::string> then = key_texts(trained), now = key_texts(found);
  std::vector<std::string> lost, added;
  std::set_difference(then.begin(), then.end(), now.begin(), now.end(), std::back_inserter(lost));
  std::set_difference(now.begin(), now.end(), then.begin(), then.end(), std::back_inserter(added));
  for (const std::string& key : lost)
    out.push_back(fmt::format("table '{}': {} is missing, the model was trained with it", trained.name, key));
  for (const std::string& key : added)
    out.push_back(fmt::format("table '{}': {} is new, the model was trained without it", trained.name, key));
}

// Whether a feature of this dtype reads the one type as well as the other.
bool reads_both(const TableSchema& schema, const std::string& column, PhysicalType a, PhysicalType b) {
  if (schema.is_key(column) || schema.time_column == column) return false;
  const auto spec = std::find_if(schema.columns.begin(), schema.columns.end(),
                                 [&](const ColumnSpec& c) { return c.name == column; });
  if (spec == schema.columns.end() || !spec->dtype) return false;
  const auto either = [&](PhysicalType x, PhysicalType y) {
    return (a == x && b == y) || (a == y && b == x);
  };
  if (spec->dtype == Dtype::kInteger || spec->dtype == Dtype::kFloat)
    return either(PhysicalType::kInt64, PhysicalType::kFloat64);
  return spec->dtype == Dtype::kDatetime && either(PhysicalType::kTimestamp, PhysicalType::kString);
}

void compare_columns(const TableSignature& trained, const Table& found, std::vector<std::string>& out) {
  for (const ColumnSignature& column : trained.columns) {
    const Column* now = found.find(column.name);
    if (now == nullptr) {
      out.push_back(fmt::format("table '{}': column '{}' ({}) is missing{}", trained.schema.name, column.name,
                                to_string(column.type), suggestion(column.name, found.column_names())));
    } else if (now->type != column.type && !reads_both(trained.schema, column.name, now->type, column.type)) {
      out.push_back(fmt::format("table '{}': column '{}' is of type {}, the model was trained with {}",
                                trained.schema.name, column.name, to_string(now->type),
                                to_string(column.type)));
    }
  }
}

}  // namespace

TableSignature table_signature(const Table& table, const TableStatistics* statistics) {
  TableSignature signature;
  signature.schema = table.schema;
  signature.schema.source.clear();
  signature.schema.columns.clear();
  signature.schema.excluded_columns.clear();
  signature.schema.all_columns = false;
  std::vector<std::string> names = structural_columns(table.schema);
  if (statistics != nullptr) {
    for (const ColumnStatistics& column : statistics->columns) {
      signature.schema.columns.push_back({column.column, column.dtype});
      names.push_back(column.column);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    const Column& column = table.at(name);
    signature.columns.push_back({name, column.type});
  }
  return signature;
}

std::vector<std::string> schema_differences(const std::vector<TableSignature>& trained,
                                            const std::vector<Table>& tables) {
  std::vector<std::string> out, names;
  for (const Table& table : tables) names.push_back(table.schema.name);
  for (const TableSignature& signature : trained) {
    const std::string& name = signature.schema.name;
    const auto found =
        std::find_if(tables.begin(), tables.end(), [&](const Table& t) { return t.schema.name == name; });
    if (found == tables.end()) {
      out.push_back(fmt::format("table '{}' is missing{}", name, suggestion(name, names)));
      continue;
    }
    compare_keys(signature.schema, found->schema, out);
    compare_columns(signature, *found, out);
  }
  for (const std::string& name : names)
    if (std::none_of(trained.begin(), trained.end(),
                     [&](const TableSignature& t) { return t.schema.name == name; }))
      out.push_back(fmt::format("table '{}' is new, the model was trained without it", name));
  return out;
}

void compare_schema(const std::vector<TableSignature>& trained, const std::vector<Table>& tables) {
  const std::vector<std::string> differences = schema_differences(trained, tables);
  if (differences.empty()) return;
  std::string list;
  for (const std::string& line : differences) list += "\n  " + line;
  fail(ErrorCode::kSpec,
       "the data does not have the schema that the model was trained on:{}\nadapt the specification or the "
       "data, or train a "
       "new model",
       list);
}

}  // namespace rle
