#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "server/v1alpha1/dataset.h"
#include "server/v1alpha1/payload.h"

namespace rle::v1alpha1 {
namespace {

struct Key {
  std::string column, link_to;  // link_to: of foreign keys
  bool is_feature = false;
};

struct Keys {
  std::vector<Key> candidate, foreign;
};

bool is_feature(const Json& key) {
  const Json* feature = find(key, "is_feature");
  return feature != nullptr && feature->is_boolean() && feature->get<bool>();
}

// Both dialects' keys of a table; a table that has both forms has the union.
Keys keys_of(const Json& table, const std::string& path) {
  Keys keys;
  for (const Json& key : list(table, path, "candidate_keys"))
    keys.candidate.push_back({require_text(key, path + ".candidate_keys", "name"), "", is_feature(key)});
  for (const Json& key : list(table, path, "foreign_keys"))
    keys.foreign.push_back({require_text(key, path + ".foreign_keys", "name"),
                            require_text(key, path + ".foreign_keys", "link_to"), is_feature(key)});
  for (const Json& column : list(table, path, "columns")) {
    const Json* type = find(column, "key_type");
    if (type == nullptr) continue;
    const std::string where = path + ".columns", name = require_text(column, where, "name");
    if (*type == "primary_key") {
      keys.candidate.push_back({name, "", false});
    } else if (*type == "foreign_key") {
      keys.foreign.push_back({name, require_text(column, where + "." + name, "link_to"), false});
    } else {
      refuse(where + "." + name + ".key_type", "expected primary_key or foreign_key, found " + type->dump());
    }
  }
  // Clients keep keys in sets: their order tells nothing.
  const auto by_column = [](const Key& a, const Key& b) { return a.column < b.column; };
  std::sort(keys.candidate.begin(), keys.candidate.end(), by_column);
  std::sort(keys.foreign.begin(), keys.foreign.end(), by_column);
  return keys;
}

// Which of a table's candidate keys is its primary key: one that other tables or the task refer to, no
// feature.
size_t primary_of(const std::vector<Key>& keys, const std::string& table,
                  const std::set<std::string>& links) {
  const auto rank = [&](const Key& key) {
    return (key.is_feature ? 2 : 0) + (links.contains(table + "." + key.column) ? 0 : 1);
  };
  const auto best = std::min_element(keys.begin(), keys.end(),
                                     [&](const Key& a, const Key& b) { return rank(a) < rank(b); });
  return static_cast<size_t>(best - keys.begin());
}

Json columns_of(const Json& table, const std::string& path, const Keys& keys) {
  std::map<std::string, bool> key_is_feature;
  for (const std::vector<Key>* kind : {&keys.candidate, &keys.foreign})
    for (const Key& key : *kind) key_is_feature[key.column] |= key.is_feature;
  Json columns = Json::object();
  for (const Json& column : list(table, path, "columns")) {
    const std::string name = require_text(column, path + ".columns", "name");
    const std::string dtype = require_text(column, path + ".columns." + name, "dtype");
    const auto key = key_is_feature.find(name);
    if (key == key_is_feature.end() || key->second) columns[name] = dtype;
  }
  return columns;
}

void add_keys(Json& out, const Keys& keys, const std::string& table, const std::set<std::string>& links) {
  if (!keys.candidate.empty()) {
    const size_t primary = primary_of(keys.candidate, table, links);
    if (keys.candidate[primary].is_feature)
      unsupported("tables." + table + ".candidate_keys",
                  "are all features; one key of a table names its rows and is no feature");
    out["primary_key"] = keys.candidate[primary].column;
    for (size_t i = 0; i < keys.candidate.size(); ++i) {
      if (i == primary) continue;
      const Key& key = keys.candidate[i];
      out["candidate_keys"].push_back(key.is_feature ? Json{{"column", key.column}, {"is_feature", true}}
                                                     : Json(key.column));
    }
  }
  for (const Key& key : keys.foreign)
    out["foreign_keys"][key.column] =
        key.is_feature ? Json{{"link_to", key.link_to}, {"is_feature", true}} : Json(key.link_to);
}

Json table_of(const Json& table, const std::string& path, const Keys& keys,
              const std::set<std::string>& links) {
  Json out{{"source", require_text(table, path, "source")}};
  const Json* type = find(table, "type");
  const bool edge = type != nullptr && *type == "edge";
  if (type != nullptr && !edge && *type != "node") refuse(path + ".type", "expected node or edge");
  if (edge) out["type"] = "edge";
  add_keys(out, keys, require_text(table, path, "name"), links);
  if (const Json* time = find(table, "time_column")) out["time_column"] = *time;
  if (!edge) out["columns"] = columns_of(table, path, keys);
  out["other_columns"] = "ignore";
  return out;
}

struct Entity {
  std::string link, column;  // TABLE.KEY, and the column of the label tables that holds its keys
};

// Whom a task is about and, of links, what it links them to; that is absent where a dataset for prediction
// alone leaves it to the model.
struct Ends {
  Entity entity;
  std::optional<Entity> target;
};

bool is_link(const Json& task) {
  const Json* type = find(task, "task_type");
  return type != nullptr && (*type == "link_prediction" || *type == "repeated_link_prediction");
}

// Bare dialect: tables are named and keys are not. It is the key of the column's name, or the table's first.
Entity bare_entity(const std::string& path, const std::string& table, const std::string& column,
                   const std::map<std::string, Keys>& keys) {
  const auto found = keys.find(table);
  if (found == keys.end()) refuse(path, "table '" + table + "' not found among the tables");
  const std::vector<Key>& candidates = found->second.candidate;
  if (candidates.empty()) refuse(path, "table '" + table + "' has no primary key");
  const auto same = std::find_if(candidates.begin(), candidates.end(),
                                 [&](const Key& key) { return key.column == column; });
  return {table + "." + (same == candidates.end() ? candidates.front() : *same).column, column};
}

Ends bare_ends(const Json& task, const std::map<std::string, Keys>& keys) {
  const auto end = [&](const std::string& which) {
    const std::string table = which + "_table";
    return bare_entity("task." + table, require_text(task, "task", table),
                       require_text(task, "task", which + "_column"), keys);
  };
  if (is_link(task)) {
    Ends out{end("source"), std::nullopt};
    if (find(task, "target_column") != nullptr) out.target = end("target");
    return out;
  }
  const std::string table = require_text(task, "task", "target_table");
  std::string column;
  for (const Json& c : list(task, "task", "columns")) {
    const Json* type = find(c, "key_type");
    if (type != nullptr && (*type == "primary_key" || *type == "foreign_key"))
      column = require_text(c, "task.columns", "name");
  }
  if (column.empty())
    throw Problem(422, "invalid-request",
                  "missing required key in task.columns: mark the entity's column with key_type primary_key",
                  "task.columns");
  return {bare_entity("task.target_table", table, column, keys), std::nullopt};
}

Ends listed_ends(const Json& task) {
  const auto end = [&](const std::string& which) {
    return Entity{require_text(task, "task", which + "_link_to"),
                  require_text(task, "task", which + "_entity_column")};
  };
  if (!is_link(task)) return {end("target"), std::nullopt};
  Ends out{end("source"), std::nullopt};
  if (find(task, "target_entity_column") != nullptr) out.target = end("target");
  return out;
}

void add_labels(Json& out, const Json& task, const Ends& ends) {
  if (ends.target) {
    out["target_entity"] = ends.target->link;
    out["target"] = ends.target->column;
  }
  if (is_link(task)) return;
  const Json* target = find(task, "label_column");
  if (target == nullptr) target = find(task, "target_column");
  if (target != nullptr) out["target"] = *target;
}

Json task_of(const Json& task, const Ends& ends) {
  Json out{{"name", require_text(task, "task", "name")},
           {"type", require_text(task, "task", "task_type")},
           {"entity", ends.entity.link},
           {"entity_column", ends.entity.column}};
  add_labels(out, task, ends);
  if (const Json* time = find(task, "time_column")) {
    out["time_column"] = *time;
    if (const Json* current = find(task, "current_time")) out["current_time"] = *current;
  }
  if (const Json* metric = find(task, "evaluation_metric")) {
    out["metric"] = require_text(*metric, "task.evaluation_metric", "name");
    if (const Json* k = find(*metric, "eval_at_k"); k != nullptr && is_link(task)) out["eval_at_k"] = *k;
  }
  const Json& source = require(task, "task", "source");
  for (const char* split : {"train", "validation", "test"})
    if (const Json* path = find(source, split)) out[split] = *path;
  return out;
}

}  // namespace

Dialect dialect_of(const Json& metadata) {
  if (const Json* task = find(metadata, "task"))
    for (const char* bare : {"target_table", "target_column", "source_table"})
      if (task->contains(bare)) return Dialect::kKeyTypes;
  return Dialect::kKeyLists;
}

Json specification_of(const Json& metadata) {
  const Json& connector = require(metadata, "dataset_metadata", "connector");
  const Json& task = require(metadata, "dataset_metadata", "task");
  std::map<std::string, Keys> keys;
  std::set<std::string> links;
  for (const Json& table : list(metadata, "dataset_metadata", "tables")) {
    const std::string name = require_text(table, "tables", "name");
    if (keys.contains(name)) refuse("tables." + name, "is there twice");
    keys[name] = keys_of(table, "tables." + name);
    for (const Key& key : keys[name].foreign) links.insert(key.link_to);
  }
  const bool bare = dialect_of(metadata) == Dialect::kKeyTypes;
  const Ends ends = bare ? bare_ends(task, keys) : listed_ends(task);
  links.insert(ends.entity.link);
  if (ends.target) links.insert(ends.target->link);
  Json tables = Json::object();
  for (const Json& table : list(metadata, "dataset_metadata", "tables")) {
    const std::string name = table["name"];
    tables[name] = table_of(table, "tables." + name, keys[name], links);
  }
  return {{"dataset", require_text(connector, "connector", "dataset_name")},
          {"tables", std::move(tables)},
          {"task", task_of(task, ends)}};
}

}  // namespace rle::v1alpha1
