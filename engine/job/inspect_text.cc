// An inspection as text and as JSON.
#include <algorithm>

#include "base/time.h"
#include "job/inspect.h"
#include "task/metrics.h"

namespace rle {
namespace {

std::string range_text(const TimeRange& range) {
  if (!range.first_us) return "no values";
  std::string out = fmt::format("{} .. {}", format_time(*range.first_us), format_time(*range.last_us));
  if (range.nulls > 0) out += fmt::format(", {} null", grouped(range.nulls));
  return out;
}

std::string link_text(const InspectedLink& link) {
  std::string out =
      fmt::format("  foreign key  {} -> {}.{}", link.column, link.parent_table, link.parent_column);
  out += fmt::format(", {} null, {} dangling\n", grouped(link.nulls), grouped(link.dangling));
  return out;
}

std::string columns_text(const std::vector<InspectedColumn>& columns) {
  size_t name = 0, dtype = 0, reason = 0;
  for (const InspectedColumn& column : columns) {
    name = std::max(name, column.name.size());
    dtype = std::max(dtype, column.dtype.empty() ? size_t{8} : column.dtype.size());
    reason = std::max(reason, column.reason.size());
  }
  reason = std::min<size_t>(reason, 70);
  std::string out;
  for (const InspectedColumn& column : columns) {
    out += fmt::format("  {:<{}}  {:<{}}  {:<{}}", column.name, name,
                       column.dtype.empty() ? "left out" : column.dtype, dtype, column.reason, reason);
    if (column.nulls > 0) out += fmt::format("  {} null", grouped(column.nulls));
    while (out.back() == ' ') out.pop_back();
    out += "\n";
  }
  return out;
}

std::string table_text(const InspectedTable& table) {
  std::string out = fmt::format("{} ({}): {} rows", table.name,
                                table.type == TableType::kNode ? "node" : "edge", grouped(table.rows));
  if (table.visible_rows != table.rows)
    out += fmt::format(", {} of them visible to statistics", grouped(table.visible_rows));
  out += fmt::format("; {}\n", table.source);
  if (table.primary_key) out += fmt::format("  primary key  {}\n", *table.primary_key);
  for (const InspectedLink& link : table.links) out += link_text(link);
  if (table.time_column)
    out += fmt::format("  time         {}: {}\n", *table.time_column, range_text(table.time));
  return out.append(columns_text(table.columns));
}

std::string split_text(const InspectedSplit& split) {
  std::string out =
      fmt::format("  {:<10}  {} rows, {} entities", split.name, grouped(split.rows), grouped(split.entities));
  if (split.time.first_us) out += fmt::format(", {}", range_text(split.time));
  if (split.unlabelled > 0) out += fmt::format(", {} without a label", grouped(split.unlabelled));
  std::string balance;
  constexpr size_t kShown = 20;
  for (size_t i = 0; i < std::min(split.classes.size(), kShown); ++i) {
    const auto& [label, count] = split.classes[i];
    balance += fmt::format(
        "{}{}: {} ({:.1f} %)", i == 0 ? "" : ", ", label, grouped(count),
        100.0 * static_cast<double>(count) / static_cast<double>(std::max<int64_t>(split.rows, 1)));
  }
  if (split.classes.size() > kShown) balance += fmt::format(", and {} more", split.classes.size() - kShown);
  for (const auto& [name, value] : split.distribution)
    balance += fmt::format("{}{} {:.6g}", balance.empty() ? "" : ", ", name, value);
  if (!balance.empty()) out += fmt::format("\n              {}", balance);
  return out + "\n";
}

std::string task_text(const Inspection& inspection) {
  const TaskSpec& task = *inspection.task;
  std::string out = fmt::format("task {} ({}): {} of {}.{}", task.name, to_string(task.type),
                                task.target_column, task.entity_table, task.entity_key);
  if (is_link(task.type)) out += fmt::format(" to {}.{}", task.target_table, task.target_key);
  out += fmt::format(", judged by {}", task.metric.value_or(default_metric(task.type)));
  out += is_link(task.type) ? fmt::format(" at {}\n", task.eval_k) : "\n";
  for (const InspectedSplit& split : inspection.splits) out += split_text(split);
  return out;
}

using Json = nlohmann::ordered_json;

Json json_time(const std::optional<int64_t>& time) { return time ? Json(format_time(*time)) : Json(nullptr); }
Json json_text(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

Json json_range(const TimeRange& range) {
  return {{"first", json_time(range.first_us)}, {"last", json_time(range.last_us)}, {"nulls", range.nulls}};
}

Json json_table(const InspectedTable& table) {
  Json links = Json::array(), columns = Json::array();
  for (const InspectedLink& link : table.links)
    links.push_back({{"column", link.column},
                     {"link_to", fmt::format("{}.{}", link.parent_table, link.parent_column)},
                     {"nulls", link.nulls},
                     {"dangling", link.dangling}});
  for (const InspectedColumn& column : table.columns)
    columns.push_back({{"name", column.name},
                       {"type", column.type},
                       {"dtype", column.dtype.empty() ? Json(nullptr) : Json(column.dtype)},
                       {"reason", column.reason},
                       {"nulls", column.nulls}});
  return {{"name", table.name},
          {"source", table.source},
          {"type", table.type == TableType::kNode ? "node" : "edge"},
          {"rows", table.rows},
          {"visible_rows", table.visible_rows},
          {"primary_key", json_text(table.primary_key)},
          {"time_column", json_text(table.time_column)},
          {"time", table.time_column ? json_range(table.time) : Json(nullptr)},
          {"foreign_keys", links},
          {"columns", columns}};
}

Json json_split(const InspectedSplit& split) {
  Json out{{"name", split.name},         {"source", split.source},         {"rows", split.rows},
           {"entities", split.entities}, {"unlabelled", split.unlabelled}, {"time", json_range(split.time)}};
  if (!split.classes.empty()) {
    Json& classes = out["classes"] = Json::array();
    for (const auto& [label, count] : split.classes) classes.push_back({{"label", label}, {"rows", count}});
  }
  for (const auto& [name, value] : split.distribution) out["distribution"][name] = value;
  return out;
}

}  // namespace

std::string grouped(int64_t number) {
  const std::string digits = fmt::format("{}", number < 0 ? -number : number);
  std::string out = number < 0 ? "-" : "";
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string inspection_text(const Inspection& inspection) {
  int64_t rows = 0;
  for (const InspectedTable& table : inspection.tables) rows += table.rows;
  std::string out = fmt::format("dataset {}: {} tables, {} rows\n", inspection.dataset,
                                inspection.tables.size(), grouped(rows));
  if (inspection.visible_until_us)
    out += fmt::format("statistics and inferred dtypes look at rows up to {}\n",
                       format_time(*inspection.visible_until_us));
  for (const InspectedTable& table : inspection.tables) out.append("\n").append(table_text(table));
  if (inspection.task) out.append("\n").append(task_text(inspection));
  return out.append("\n").append(mermaid_picture(inspection));
}

Json inspection_json(const Inspection& inspection) {
  Json out{{"dataset", inspection.dataset}, {"statistics_until", json_time(inspection.visible_until_us)}};
  out["tables"] = Json::array();
  for (const InspectedTable& table : inspection.tables) out["tables"].push_back(json_table(table));
  if (inspection.task) {
    const TaskSpec& task = *inspection.task;
    Json splits = Json::array();
    for (const InspectedSplit& split : inspection.splits) splits.push_back(json_split(split));
    out["task"] = {{"name", task.name},
                   {"type", to_string(task.type)},
                   {"entity", fmt::format("{}.{}", task.entity_table, task.entity_key)},
                   {"target", task.target_column},
                   {"metric", task.metric.value_or(default_metric(task.type))},
                   {"splits", splits}};
    if (is_link(task.type)) {
      out["task"]["target_entity"] = fmt::format("{}.{}", task.target_table, task.target_key);
      out["task"]["eval_at_k"] = task.eval_k;
    }
  }
  out["mermaid"] = mermaid_picture(inspection);
  return out;
}

}  // namespace rle
