// The tables section, and what one table's description says about another.
#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "job/spec_sections.h"

namespace rle {
namespace {

constexpr ptrdiff_t kMaxNameCharacters = 200;

bool is_database(const std::string& source) {
  const std::string extension = std::filesystem::path(source).extension().string();
  return extension == ".duckdb" || extension == ".ddb" || extension == ".db";
}

// Whether a source inside a database names a file all the same.
bool is_data_file(const std::string& source) {
  constexpr const char* kExtensions[] = {".parquet", ".csv",    ".tsv", ".json",
                                         ".jsonl",   ".ndjson", ".gz",  ".zst"};
  const std::string extension = std::filesystem::path(source).extension().string();
  return std::any_of(std::begin(kExtensions), std::end(kExtensions),
                     [&](const char* e) { return extension == e; });
}

void check_name(const std::string& name, std::string_view forbidden, const SpecValue& value) {
  const auto characters = std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xc0) != 0x80; });
  if (characters > kMaxNameCharacters)
    value.refuse(fmt::format("a name of {} characters; at most {}", characters, kMaxNameCharacters));
  for (const char c : forbidden)
    if (name.find(c) != std::string::npos)
      value.refuse(fmt::format("the name '{}' holds '{}'; take another", name, c));
}

struct Link {
  std::string table, column;
};

Link link_of(const SpecValue& value) {
  const std::string text = text_of(value, "TABLE.COLUMN");
  const size_t dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size()) value.expected("TABLE.COLUMN");
  return {text.substr(0, dot), text.substr(dot + 1)};
}

ForeignKey foreign_key_of(const std::string& column, const SpecValue& value) {
  ForeignKey key;
  key.column = column;
  Link link;
  if (value.node->kind == SpecNode::Kind::kMap) {
    const SpecObject object(value, {"link_to", "is_feature"});
    link = link_of(object.require("link_to"));
    if (const auto feature = object.find("is_feature")) key.is_feature = boolean_of(*feature);
  } else {
    link = link_of(value);
  }
  key.parent_table = link.table;
  key.parent_column = link.column;
  return key;
}

CandidateKey candidate_key_of(const SpecValue& value) {
  CandidateKey key;
  if (value.node->kind != SpecNode::Kind::kMap) {
    key.column = text_of(value, "a column's name or {column: NAME, is_feature: true}");
    return key;
  }
  const SpecObject object(value, {"column", "is_feature"});
  key.column = text_of(object.require("column"), "a column's name");
  if (const auto feature = object.find("is_feature")) key.is_feature = boolean_of(*feature);
  return key;
}

std::string one_column(const SpecValue& value, std::string_view role) {
  if (value.node->kind == SpecNode::Kind::kList)
    value.refuse(fmt::format("expected one column's name, found {}; a table has one {}",
                             value.node->describe(), role));
  return text_of(value, "a column's name");
}

void read_keys(const SpecObject& object, TableSchema& table) {
  if (const auto key = object.find("primary_key")) table.primary_key = one_column(*key, "primary key");
  if (const auto time = object.find("time_column")) table.time_column = one_column(*time, "time column");
  if (const auto keys = object.find("candidate_keys"))
    for (const SpecValue& item : list_of(*keys, "a list of columns")) {
      table.candidate_keys.push_back(candidate_key_of(item));
      const std::string& column = table.candidate_keys.back().column;
      const auto same = [&](const CandidateKey& key) { return key.column == column; };
      if (std::count_if(table.candidate_keys.begin(), table.candidate_keys.end(), same) > 1)
        item.refuse(fmt::format("'{}' is named twice", column));
      if (table.primary_key == column) item.refuse(fmt::format("'{}' is the primary key already", column));
    }
  if (const auto keys = object.find("foreign_keys"))
    for (const auto& [column, item] : entries_of(*keys, "a map from columns to TABLE.COLUMN"))
      table.foreign_keys.push_back(foreign_key_of(column, item));
  if (!table.primary_key && table.foreign_keys.empty())
    object.value().refuse("has neither primary_key nor foreign_keys; a table needs one of them");
  if (table.time_column && table.is_key(*table.time_column))
    object.require("time_column")
        .refuse(fmt::format("'{}' is a key as well; a key cannot be the time", *table.time_column));
}

std::optional<Dtype> dtype_of(const SpecValue& value) {
  static const std::vector<std::string> kNames{
      "infer", "text", "integer", "float", "category", "multi_categorical", "embedding", "datetime"};
  const size_t choice = choice_of(value, kNames);
  return choice == 0 ? std::nullopt : dtype_from_string(kNames[choice]);
}

void read_columns(const SpecObject& object, TableSchema& table) {
  if (const auto other = object.find("other_columns"))
    table.all_columns = choice_of(*other, {"infer", "ignore"}) == 0;
  if (const auto columns = object.find("columns"))
    for (const auto& [name, item] : entries_of(*columns, "a map from columns to dtypes")) {
      const std::optional<Dtype> dtype = dtype_of(item);
      if (table.is_key(name) && !table.is_feature_key(name))
        item.refuse(fmt::format("'{}' is a key, and keys are no features; take it out of columns", name));
      if (table.time_column == name && dtype && dtype != Dtype::kDatetime)
        item.refuse(fmt::format("'{}' is the time column, so its dtype is datetime, not {}", name,
                                to_string(*dtype)));
      if (table.time_column != name) table.columns.push_back({name, dtype});
    }
  if (table.time_column) table.columns.push_back({*table.time_column, Dtype::kDatetime});
}

void read_exclude(const SpecObject& object, TableSchema& table) {
  const auto exclude = object.find("exclude");
  if (!exclude) return;
  for (const SpecValue& item : list_of(*exclude, "a list of columns")) {
    const std::string name = text_of(item, "a column's name");
    const auto named = [&](const ColumnSpec& column) { return column.name == name; };
    if (table.is_key(name))
      item.refuse(fmt::format("'{}' is a key of the table and cannot be excluded", name));
    if (table.time_column == name)
      item.refuse(fmt::format("'{}' is the time column and cannot be excluded", name));
    if (std::any_of(table.columns.begin(), table.columns.end(), named))
      item.refuse(fmt::format("'{}' is listed in columns as well; keep one", name));
    table.excluded_columns.push_back(name);
  }
}

void check_edge_table(const SpecObject& object, const TableSchema& table) {
  if (table.foreign_keys.size() != 2)
    object.value().refuse(fmt::format("a table of type edge has exactly two foreign keys, found {}",
                                      table.foreign_keys.size()));
  if (table.primary_key)
    object.require("primary_key").refuse("a table of type edge has no primary key: its rows are no nodes");
  if (!table.candidate_keys.empty())
    object.require("candidate_keys").refuse("a table of type edge has no candidate keys");
  const auto feature_key = [](const ForeignKey& key) { return key.is_feature; };
  if (std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(), feature_key))
    object.require("foreign_keys").refuse("a table of type edge has no features, so no key with is_feature");
  if (table.columns.size() > (table.time_column ? 1u : 0u))
    object.require("columns").refuse(
        "a table of type edge has no features of its own; use type node, or take them out");
}

TableSchema read_table(const std::string& name, const SpecValue& value, const std::string& data_source) {
  const SpecObject object(value, {"source", "type", "primary_key", "candidate_keys", "foreign_keys",
                                  "time_column", "columns", "exclude", "other_columns"});
  TableSchema table;
  table.name = name;
  check_name(name, "./", value);
  table.source =
      resolve_source(data_source, text_of(object.require("source"), "a file, a glob or database::table"));
  if (const auto type = object.find("type"))
    table.type = choice_of(*type, {"node", "edge"}) == 0 ? TableType::kNode : TableType::kEdge;
  read_keys(object, table);
  read_columns(object, table);
  read_exclude(object, table);
  if (table.type == TableType::kEdge) check_edge_table(object, table);
  return table;
}

void check_links(const SpecValue& tables, const JobSpec& spec) {
  for (const TableSchema& table : spec.tables)
    for (const ForeignKey& key : table.foreign_keys) {
      const SpecValue where{tables.node->find(table.name)->find("foreign_keys")->find(key.column),
                            fmt::format("{}.{}.foreign_keys.{}", tables.path, table.name, key.column)};
      const TableSchema* parent = spec.find_table(key.parent_table);
      if (parent == nullptr)
        where.refuse(fmt::format("there is no table '{}'{}", key.parent_table,
                                 suggestion(key.parent_table, spec.table_names())));
      if (parent->type == TableType::kEdge)
        where.refuse(
            fmt::format("'{}' is a table of type edge: its rows are no nodes to link to", key.parent_table));
      const std::vector<std::string> keys = key_names(*parent);
      if (keys.empty())
        where.refuse(
            fmt::format("table '{}' has no key to link to; give it a primary_key", key.parent_table));
      if (std::find(keys.begin(), keys.end(), key.parent_column) == keys.end())
        where.refuse(fmt::format("'{}' is no key of table '{}'{}", key.parent_column, key.parent_table,
                                 suggestion(key.parent_column, keys)));
    }
}

}  // namespace

std::vector<std::string> key_names(const TableSchema& table) {
  std::vector<std::string> names;
  if (table.primary_key) names.push_back(*table.primary_key);
  for (const CandidateKey& key : table.candidate_keys) names.push_back(key.column);
  return names;
}

std::string name_of(const SpecValue& value) {
  std::string name = text_of(value, "a name");
  check_name(name, "/", value);
  return name;
}

std::string resolve_source(const std::string& data_source, const std::string& source) {
  if (data_source.empty() || source.find("::") != std::string::npos) return source;
  if (std::filesystem::path(source).is_absolute()) return source;
  if (!is_database(data_source))
    return (std::filesystem::path(data_source) / source).lexically_normal().string();
  return is_data_file(source) || is_database(source) ? source : fmt::format("{}::{}", data_source, source);
}

void read_tables(const SpecValue& value, const std::string& data_source, JobSpec& spec) {
  const char* what = "a map from table names to tables";
  for (const auto& [name, item] : entries_of(value, what))
    spec.tables.push_back(read_table(name, item, data_source));
  if (spec.tables.empty()) value.expected(what);
  check_links(value, spec);
}

}  // namespace rle
