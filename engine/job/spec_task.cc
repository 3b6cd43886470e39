// The task section, and what it says together with the tables.
#include <algorithm>

#include "base/error.h"
#include "base/time.h"
#include "job/same_source.h"
#include "job/spec_sections.h"
#include "task/metrics.h"

namespace rle {
namespace {

TaskType task_type_of(const SpecValue& value) {
  constexpr TaskType kAll[] = {TaskType::kBinary,         TaskType::kMulticlass,
                               TaskType::kMultilabel,     TaskType::kRegression,
                               TaskType::kLinkPrediction, TaskType::kRepeatedLinkPrediction};
  std::vector<std::string> names;
  for (const TaskType type : kAll) names.emplace_back(to_string(type));
  return kAll[choice_of(value, names)];
}

struct TableKey {
  std::string table, key;
};

// TABLE.KEY, where the table is of type node and the key its primary or a candidate key. what: what an edge
// table can't be, for the message.
TableKey read_table_key(const SpecValue& value, const JobSpec& spec, std::string_view what) {
  const std::string text = text_of(value, "TABLE.KEY");
  const size_t dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size()) value.expected("TABLE.KEY");
  TableKey out{text.substr(0, dot), text.substr(dot + 1)};
  const TableSchema* table = spec.find_table(out.table);
  if (table == nullptr)
    value.refuse(
        fmt::format("there is no table '{}'{}", out.table, suggestion(out.table, spec.table_names())));
  if (table->type == TableType::kEdge)
    value.refuse(fmt::format("'{}' is a table of type edge: {}", out.table, what));
  const std::vector<std::string> keys = key_names(*table);
  if (keys.empty()) value.refuse(fmt::format("table '{}' has no primary_key to name its rows by", out.table));
  if (std::find(keys.begin(), keys.end(), out.key) == keys.end())
    value.refuse(
        fmt::format("'{}' is no key of table '{}'{}", out.key, out.table, suggestion(out.key, keys)));
  return out;
}

void read_entity(const SpecObject& object, const JobSpec& spec, TaskSpec& task) {
  TableKey entity = read_table_key(object.require("entity"), spec, "nothing can be predicted for it");
  task.entity_table = std::move(entity.table);
  task.entity_key = std::move(entity.key);
  const auto column = object.find("entity_column");
  task.entity_column = column ? text_of(*column, "a column's name") : task.entity_key;
}

// What a link task has beyond a task about the entities themselves.
void read_links(const SpecObject& object, const JobSpec& spec, TaskSpec& task) {
  if (!is_link(task.type)) {
    for (const char* key : {"target_entity", "eval_at_k"})
      if (const auto found = object.find(key))
        found->refuse(
            fmt::format("it is of link tasks, and the task is a {}; take it out, or set type to "
                        "link_prediction or repeated_link_prediction",
                        to_string(task.type)));
    return;
  }
  const SpecValue value = object.require("target_entity");
  TableKey target = read_table_key(value, spec, "its rows are no nodes that could be predicted");
  if (!spec.find_table(target.table)->primary_key)
    value.refuse(
        fmt::format("table '{}' has no primary_key, by which each of its rows could be predicted; declare it",
                    target.table));
  task.target_table = std::move(target.table);
  task.target_key = std::move(target.key);
  if (const auto k = object.find("eval_at_k")) task.eval_k = integer_of(*k, 1, kMaxEvalK);
}

void read_metric(const SpecObject& object, TaskSpec& task) {
  const auto metric = object.find("metric");
  if (!metric) return;
  const std::vector<std::string> names = metric_names(task.type);
  task.metric = names[choice_of(*metric, names)];
}

void read_horizon(const SpecObject& object, TaskSpec& task) {
  const auto horizon = object.find("horizon");
  if (!horizon) return;
  const char* what = "a duration such as 60d, 12h or \"1d 12h\"";
  task.horizon_us = parse_duration(text_of(*horizon, what));
  if (!task.horizon_us) horizon->expected(what);
}

// Whether current_time changes nothing: the label rows are the entities, or have no time.
bool sees_own_links(const TableSchema& table, const TaskSpec& task) {
  return !table.time_column || (table.name == task.entity_table && task.entity_column == task.entity_key);
}

// Of link tasks: each label row of this table is itself an edge to its target, which its seed sees.
bool links_visibly(const TableSchema& table, const TaskSpec& task) {
  if (!is_link(task.type)) return false;
  const bool leads = std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(), [&](const auto& key) {
    return key.column == task.target_column && key.parent_table == task.target_table;
  });
  return leads &&
         (sees_own_links(table, task) || (task.current_time && table.time_column == task.time_column));
}

// Whether a test table holds the target shows in its schema (check_sources): it need not.
void check_target_is_no_feature(const SpecValue& target, const JobSpec& spec) {
  for (const std::optional<std::string>* source : {&spec.task->train, &spec.task->validation})
    if (*source)
      if (const std::string leak = leak_of_target(spec, **source); !leak.empty()) target.refuse(leak);
}

void check_times(const SpecObject& task_object, const JobSpec& spec) {
  const auto timed = [](const TableSchema& table) { return table.time_column.has_value(); };
  const bool any_time = std::any_of(spec.tables.begin(), spec.tables.end(), timed);
  if (any_time && !spec.task->time_column)
    task_object.value().refuse(
        "'time_column' is missing: tables have times, so a prediction needs one to be made at");
  if (!any_time && spec.task->time_column)
    task_object.require("time_column")
        .refuse(
            "no table has a time_column, so the time of a prediction would mean nothing; "
            "name the tables' time columns, or take this one out");
}

}  // namespace

bool uses_as_feature(const TableSchema& table, const std::string& column) {
  if (table.type == TableType::kEdge) return false;
  if (table.is_key(column)) return table.is_feature_key(column);
  const auto named = [&](const ColumnSpec& spec) { return spec.name == column; };
  if (std::any_of(table.columns.begin(), table.columns.end(), named)) return true;
  const auto& excluded = table.excluded_columns;
  return table.all_columns && std::find(excluded.begin(), excluded.end(), column) == excluded.end();
}

std::string leak_of_target(const JobSpec& spec, const std::string& source) {
  const std::string& target = spec.task->target_column;
  for (const TableSchema& table : spec.tables) {
    if (!same_source(source, table.source, spec.base_folder)) continue;
    if (links_visibly(table, *spec.task))
      return fmt::format(
          "'{}' is taken from {}, which is table '{}', where it is the foreign key to '{}': the model would "
          "see the very link that it is to predict (leak); {}",
          target, source, table.name, spec.task->target_table,
          sees_own_links(table, *spec.task)
              ? fmt::format("take it out of tables.{}.foreign_keys and put it in its exclude", table.name)
              : "set task.current_time to false, or give labels of a later time than their entities' rows");
    if (uses_as_feature(table, target))
      return fmt::format(
          "'{}' is taken from {}, which is table '{}', where it is a feature: the model would see "
          "what it is to predict (leak); put it in tables.{}.exclude",
          target, source, table.name, table.name);
  }
  return "";
}

void read_task(const SpecValue& value, const std::string& data_source, JobSpec& spec) {
  const SpecObject object(
      value, {"name", "type", "entity", "entity_column", "target_entity", "target", "time_column",
              "current_time", "horizon", "metric", "eval_at_k", "train", "validation", "test"});
  TaskSpec task;
  task.name = name_of(object.require("name"));
  task.type = task_type_of(object.require("type"));
  read_entity(object, spec, task);
  read_links(object, spec, task);
  task.target_column = text_of(object.require("target"), "a column's name");
  if (const auto time = object.find("time_column")) task.time_column = text_of(*time, "a column's name");
  if (const auto current = object.find("current_time")) task.current_time = boolean_of(*current);
  read_horizon(object, task);
  read_metric(object, task);
  const auto source = [&](const char* key, std::optional<std::string>& out) {
    if (const auto found = object.find(key))
      out = resolve_source(data_source, text_of(*found, "a file or a table"));
  };
  source("train", task.train);
  source("validation", task.validation);
  source("test", task.test);
  const auto clash = [&](const char* key, const std::optional<std::string>& a,
                         const std::optional<std::string>& b) {
    if (a && b && *a == *b)
      object.require(key).refuse(
          fmt::format("'{}' is the {} as well; a column has one part", *a, "entity or target"));
  };
  clash("target", task.target_column, task.entity_column);
  clash("time_column", task.time_column, task.entity_column);
  clash("time_column", task.time_column, task.target_column);
  spec.task = std::move(task);
}

void check_task(const SpecObject& root, JobSpec& spec) {
  if (!spec.task) return;
  const SpecValue task = root.require("task");
  spec.train.sampler.current_time = spec.task->current_time;
  if (!spec.task->metric && spec.preset == Preset::kRelbench && spec.task->type == TaskType::kRegression)
    spec.task->metric = "mae";
  const SpecValue target{task.node->find("target"), "task.target"};
  check_target_is_no_feature(target, spec);
  std::vector<std::string> keys;
  for (const auto& member : task.node->members) keys.push_back(member.first);
  check_times(SpecObject(task, keys), spec);
}

}  // namespace rle
