#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "job/spec_sections.h"
#include "server/v1alpha1/dataset.h"
#include "server/v1alpha1/payload.h"
#include "table/dtype_rules.h"
#include "task/metrics.h"
#include "task/task.h"

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

struct TableKey {
  std::string table, key;

  explicit TableKey(const std::string& link)
      : table(link.substr(0, link.find('.'))), key(link.substr(link.find('.') + 1)) {}
};

// The columns of the label tables that hold keys -> what they point to, TABLE.KEY; of links two, else one.
std::map<std::string, std::string> key_columns(const Json& task) {
  std::map<std::string, std::string> columns;
  const std::string entity = task.at("entity");
  columns[task.value("entity_column", TableKey(entity).key)] = entity;
  if (task.contains("target_entity") && task.contains("target"))
    columns[task["target"].get<std::string>()] = task["target_entity"];
  return columns;
}

// The dtype of a key as FETCH_TABLE tells it. Clients take no other for a column that holds such keys, also
// where it holds lists of them.
Json dtype_of_key(const Json& tables, const std::string& link, const DescribeSource& describe) {
  const TableKey end(link);
  const Json described = describe(tables.at(end.table).at("source").get<std::string>());
  for (const Json& column : described.at("columns"))
    if (column.at("name") == end.key) return fetched_dtype(column);
  return nullptr;
}

// The members that say whom a task is about and what it predicts, in the words of a dialect.
void name_ends(Json& out, const Json& task, Dialect dialect) {
  const std::string entity = task.at("entity");
  const std::string entity_column = task.value("entity_column", TableKey(entity).key);
  const bool lists = dialect == Dialect::kKeyLists, link = task.contains("target_entity");
  const std::string whom = link ? "source" : "target";
  const Json* target = find(task, "target");
  if (lists) {
    out[whom + "_entity_column"] = entity_column;
    out[whom + "_link_to"] = entity;
    if (link) out["target_link_to"] = task["target_entity"];
    if (target != nullptr) out[link ? "target_entity_column" : "label_column"] = *target;
    return;
  }
  out[whom + "_table"] = TableKey(entity).table;
  if (link) {
    out["source_column"] = entity_column;
    out["target_table"] = TableKey(task["target_entity"].get<std::string>()).table;
  }
  if (target != nullptr) out["target_column"] = *target;
}

Json task_metadata(const Json& specification, Dialect dialect, const DescribeSource& describe) {
  const Json& task = specification.at("task");
  Json out{{"name", task.at("name")}, {"source", Json::object()}, {"columns", Json::array()}};
  std::string source;
  for (const char* split : {"train", "validation", "test"})
    if (const Json* path = find(task, split)) {
      out["source"][split] = *path;
      if (source.empty()) source = path->get<std::string>();
    }
  const std::map<std::string, std::string> keys = key_columns(task);
  const std::string time = task.value("time_column", "");
  const bool link = task.contains("target_entity");
  const Json described = describe(source);
  for (const Json& column : described.at("columns")) {
    const std::string name = column.at("name");
    const auto key = keys.find(name);
    const bool of_link = link && key != keys.end();
    const Json dtype = name == time ? Json("datetime")
                       : of_link    ? dtype_of_key(specification.at("tables"), key->second, describe)
                                    : fetched_dtype(column);
    if (dtype.is_null()) continue;
    out["columns"].push_back({{"name", name}, {"dtype", dtype}});
    if (dialect == Dialect::kKeyTypes && !link && key != keys.end())
      out["columns"].back()["key_type"] = "primary_key";
  }
  if (!time.empty()) out["time_column"] = time;
  out["task_type"] = task.at("type");
  out["current_time"] = task.value("current_time", true);
  name_ends(out, task, dialect);
  return out;
}

// Clients always name a metric; a specification may leave it to the engine.
std::string metric_of(const Json& specification) {
  const Json& task = specification.at("task");
  if (const Json* metric = find(task, "metric")) return *metric;
  const Json* config = find(specification, "config");
  const bool relbench = config != nullptr && config->value("preset", "sdk") == "relbench";
  const std::optional<TaskType> type = task_type_from_string(task.at("type").get<std::string>());
  if (relbench && type == TaskType::kRegression) return "mae";
  return default_metric(type.value());
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
  out["task"] = task_metadata(specification, dialect, describe);
  out["task"]["evaluation_metric"] = {{"name", metric_of(specification)}};
  if (specification["task"].contains("target_entity"))
    out["task"]["evaluation_metric"]["eval_at_k"] =
        specification["task"].value("eval_at_k", TaskSpec().eval_k);
  return out;
}

}  // namespace rle::v1alpha1
