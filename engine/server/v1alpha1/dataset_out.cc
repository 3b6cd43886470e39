#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

#include "job/spec_sections.h"
#include "server/v1alpha1/dataset.h"
#include "server/v1alpha1/payload.h"
#include "table/dtype_rules.h"
#include "task/metrics.h"

namespace rle::v1alpha1 {
namespace {

// Integers are told apart from categories by their type in the source.
bool is_integer_type(std::string type) {
  std::transform(type.begin(), type.end(), type.begin(), [](char c) { return std::toupper(c); });
  static const std::set<std::string> kTypes{"TINYINT",  "SMALLINT",  "INTEGER",  "BIGINT", "HUGEINT",
                                            "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"};
  return kTypes.contains(type);
}

// What a specification says of one table's columns.
struct TableView {
  const Json& table;
  std::set<std::string> keys, features;  // keys; those of them that are features

  explicit TableView(const Json& t) : table(t) {
    if (const Json* key = find(t, "primary_key")) keys.insert(key->get<std::string>());
    for (const Json& key : list_of("candidate_keys")) {
      const std::string name = key.is_object() ? key.at("column").get<std::string>() : key.get<std::string>();
      keys.insert(name);
      if (is_feature(key)) features.insert(name);
    }
    if (const Json* foreign = find(t, "foreign_keys"))
      for (const auto& [column, link] : foreign->items()) {
        keys.insert(column);
        if (is_feature(link)) features.insert(column);
      }
  }

  static bool is_feature(const Json& key) {
    return key.is_object() && key.contains("is_feature") && key["is_feature"] == true;
  }
  Json list_of(const char* key) const {
    const Json* found = find(table, key);
    return found == nullptr ? Json::array() : *found;
  }
  bool excluded(const std::string& column) const {
    const Json names = list_of("exclude");
    return std::find(names.begin(), names.end(), column) != names.end();
  }
  // The declared dtype, "" where there is none.
  std::string declared(const std::string& column) const {
    if (const Json* time = find(table, "time_column"); time != nullptr && *time == column) return "datetime";
    const Json* columns = find(table, "columns");
    const Json* dtype = columns == nullptr ? nullptr : find(*columns, column);
    return dtype == nullptr || *dtype == "infer" ? "" : dtype->get<std::string>();
  }
  bool used(const std::string& column) const {
    if (keys.contains(column) || !declared(column).empty()) return true;
    const Json* columns = find(table, "columns");
    if (columns != nullptr && columns->contains(column)) return true;
    const Json* other = find(table, "other_columns");
    return (other == nullptr || *other == "infer") && !excluded(column);
  }
};

Json link_of(const Json& foreign_key) {
  return foreign_key.is_object() ? foreign_key.at("link_to") : foreign_key;
}

void mark_keys(Json& out, const TableView& view, Dialect dialect) {
  const auto name_of = [](const Json& key) { return key.is_object() ? key.at("column") : key; };
  Json candidate = Json::array();
  if (const Json* primary = find(view.table, "primary_key")) candidate.push_back({{"name", *primary}});
  for (const Json& key : view.list_of("candidate_keys")) {
    candidate.push_back({{"name", name_of(key)}});
    if (TableView::is_feature(key)) candidate.back()["is_feature"] = true;
  }
  const Json* foreign = find(view.table, "foreign_keys");
  if (dialect == Dialect::kKeyLists) {
    if (!candidate.empty()) out["candidate_keys"] = candidate;
    if (foreign != nullptr)
      for (const auto& [column, link] : foreign->items()) {
        out["foreign_keys"].push_back({{"name", column}, {"link_to", link_of(link)}});
        if (TableView::is_feature(link)) out["foreign_keys"].back()["is_feature"] = true;
      }
    return;
  }
  for (Json& column : out["columns"]) {
    const std::string name = column["name"];
    for (const Json& key : candidate)
      if (key["name"] == name) column["key_type"] = "primary_key";
    if (foreign != nullptr && foreign->contains(name)) {
      column["key_type"] = "foreign_key";
      column["link_to"] = link_of((*foreign)[name]);
    }
  }
}

Json table_metadata(const std::string& name, const Json& table, Dialect dialect,
                    const DescribeSource& describe) {
  const TableView view(table);
  const std::string source = table.at("source");
  Json out{{"name", name}, {"source", source}, {"type", table.value("type", "node")}};
  if (const Json* time = find(table, "time_column")) out["time_column"] = *time;
  out["columns"] = Json::array();
  const Json described = describe(source);
  for (const Json& column : described.at("columns")) {
    const std::string column_name = column.at("name");
    if (!view.used(column_name)) continue;
    const std::string declared = view.declared(column_name);
    const Json dtype = declared.empty() ? fetched_dtype(column) : Json(declared);
    if (!dtype.is_null()) out["columns"].push_back({{"name", column_name}, {"dtype", dtype}});
  }
  mark_keys(out, view, dialect);
  return out;
}

Json task_metadata(const Json& task, Dialect dialect, const DescribeSource& describe) {
  Json out{{"name", task.at("name")}, {"source", Json::object()}, {"columns", Json::array()}};
  std::string source;
  for (const char* split : {"train", "validation", "test"})
    if (const Json* path = find(task, split)) {
      out["source"][split] = *path;
      if (source.empty()) source = path->get<std::string>();
    }
  const std::string link = task.at("entity");
  const std::string table = link.substr(0, link.find('.')), key = link.substr(link.find('.') + 1);
  const std::string entity = task.value("entity_column", key);
  const std::string time = task.value("time_column", "");
  const Json described = describe(source);
  for (const Json& column : described.at("columns")) {
    const std::string name = column.at("name");
    const Json dtype = name == time ? Json("datetime") : fetched_dtype(column);
    if (dtype.is_null()) continue;
    out["columns"].push_back({{"name", name}, {"dtype", dtype}});
    if (dialect == Dialect::kKeyTypes && name == entity) out["columns"].back()["key_type"] = "primary_key";
  }
  if (!time.empty()) out["time_column"] = time;
  out["task_type"] = task.at("type");
  out["current_time"] = task.value("current_time", true);
  const bool lists = dialect == Dialect::kKeyLists;
  if (const Json* target = find(task, "target")) out[lists ? "label_column" : "target_column"] = *target;
  if (lists) {
    out["target_entity_column"] = entity;
    out["target_link_to"] = link;
  } else {
    out["target_table"] = table;
  }
  return out;
}

// Clients always name a metric; a specification may leave it to the engine.
std::string metric_of(const Json& specification) {
  const Json& task = specification.at("task");
  if (const Json* metric = find(task, "metric")) return *metric;
  const Json* config = find(specification, "config");
  const bool relbench = config != nullptr && config->value("preset", "sdk") == "relbench";
  for (const TaskType type : {TaskType::kBinary, TaskType::kMulticlass, TaskType::kMultilabel})
    if (task.at("type") == to_string(type)) return default_metric(type);
  return relbench ? "mae" : default_metric(TaskType::kRegression);
}

// Sources as the engine finds them: inside data.source where there is one.
Json with_whole_sources(Json specification) {
  const Json* data = find(specification, "data");
  const Json* folder = data == nullptr ? nullptr : find(*data, "source");
  if (folder == nullptr) return specification;
  const std::string inside = *folder;
  for (auto& [name, table] : specification["tables"].items())
    table["source"] = resolve_source(inside, table.at("source").get<std::string>());
  for (const char* split : {"train", "validation", "test"})
    if (const Json* path = find(specification["task"], split))
      specification["task"][split] = resolve_source(inside, path->get<std::string>());
  return specification;
}

}  // namespace

Json fetched_dtype(const Json& column) {
  const Json* dtype = find(column, "dtype");
  if (dtype == nullptr) return nullptr;
  if (is_integer_type(column.value("type", ""))) return "integer";
  const Json* distinct = find(column, "distinct");
  const bool many = distinct == nullptr || distinct->get<int64_t>() > kFewValues;
  if (*dtype == "category" && column.value("type", "") == "VARCHAR" && many) return "text";
  return *dtype;
}

Json metadata_of(const Json& given, Dialect dialect, const std::string& connector,
                 const std::string& experiment_name, const DescribeSource& describe) {
  const Json specification = with_whole_sources(given);
  Json out{{"connector",
            {{"name", connector},
             {"dataset_name", specification.at("dataset")},
             {"experiment_name", experiment_name}}},
           {"tables", Json::array()}};
  for (const auto& [name, table] : specification.at("tables").items())
    out["tables"].push_back(table_metadata(name, table, dialect, describe));
  out["task"] = task_metadata(specification.at("task"), dialect, describe);
  out["task"]["evaluation_metric"] = {{"name", metric_of(specification)}};
  return out;
}

}  // namespace rle::v1alpha1
