#include "job/inspect.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "graph/graph.h"
#include "job/load_data.h"
#include "table/features.h"

namespace rle {
namespace {

TimeRange time_range(const Column& column) {
  TimeRange range;
  for (int64_t row = 0; row < column.rows; ++row) {
    if (column.is_null(row)) {
      ++range.nulls;
      continue;
    }
    const int64_t time = column.ints[static_cast<size_t>(row)];
    range.first_us = std::min(range.first_us.value_or(time), time);
    range.last_us = std::max(range.last_us.value_or(time), time);
  }
  return range;
}

void inspect_columns(const Table& table, const Visibility& visibility, InspectedTable& out) {
  if (table.schema.type == TableType::kEdge) return;
  for (const DtypeDecision& decision : decide_dtypes(table, visibility)) {
    const Column& column = table.at(decision.column);
    out.columns.push_back({decision.column, std::string(to_string(column.type)),
                           decision.dtype ? std::string(to_string(*decision.dtype)) : "", decision.reason,
                           column.null_count()});
  }
}

// The counts of a foreign key: of the edge type made from it.
InspectedLink inspect_link(const Table& table, size_t key, const GraphSchema& graph) {
  const ForeignKey& foreign = table.schema.foreign_keys[key];
  InspectedLink link{foreign.column, foreign.parent_table, foreign.parent_column,
                     table.at(foreign.column).null_count(), 0};
  if (table.schema.type == TableType::kEdge) return link;
  for (const EdgeTypeInfo& edge : graph.edge_types)
    if (edge.name == "f2p_" + foreign.column &&
        graph.node_types[edge.source.index()].name == table.schema.name &&
        graph.node_types[edge.target.index()].name == foreign.parent_table)
      link.dangling = edge.dangling;
  return link;
}

InspectedTable inspect_table(const Table& table, const Visibility& visibility, const GraphSchema& graph) {
  InspectedTable out;
  out.name = table.schema.name;
  out.source = table.schema.source;
  out.type = table.schema.type;
  out.rows = table.rows;
  const std::vector<uint8_t> visible = visible_rows(table, visibility);
  out.visible_rows = std::count(visible.begin(), visible.end(), 1);
  out.primary_key = table.schema.primary_key;
  out.time_column = table.schema.time_column;
  if (out.time_column) out.time = time_range(table.at(*out.time_column));
  for (size_t key = 0; key < table.schema.foreign_keys.size(); ++key)
    out.links.push_back(inspect_link(table, key, graph));
  inspect_columns(table, visibility, out);
  return out;
}

void count_classes(const LabelEncoding& encoding, const LabelTable& labels, InspectedSplit& out) {
  std::vector<int64_t> counts(encoding.classes.size());
  const auto count = [&](int64_t id) {
    if (id >= 0 && id < static_cast<int64_t>(counts.size())) ++counts[static_cast<size_t>(id)];
  };
  if (encoding.type == TaskType::kBinary)
    for (size_t row = 0; row < labels.value.size(); ++row) {
      if (!std::isnan(labels.value[row])) count(static_cast<int64_t>(labels.value[row]));
    }
  else if (encoding.type == TaskType::kMulticlass)
    for (const int32_t id : labels.class_id) count(id);
  else
    for (const int32_t id : labels.label_ids) count(id);
  for (size_t i = 0; i < counts.size(); ++i) out.classes.emplace_back(encoding.classes[i], counts[i]);
}

void describe_values(std::vector<double> values, const std::string& prefix, InspectedSplit& out) {
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  const size_t half = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  out.distribution = {{prefix + "minimum", values.front()},
                      {prefix + "median", median},
                      {prefix + "mean", sum / static_cast<double>(values.size())},
                      {prefix + "maximum", values.back()}};
}

std::vector<double> known_values(const LabelTable& labels) {
  std::vector<double> values;
  for (const float value : labels.value)
    if (!std::isnan(value)) values.push_back(static_cast<double>(value));
  return values;
}

// How many targets a row has.
std::vector<double> target_counts(const LabelTable& labels) {
  std::vector<double> counts;
  for (size_t row = 0; row < labels.target_total.size(); ++row)
    if (labels.has_label[row] != 0) counts.push_back(static_cast<double>(labels.target_total[row]));
  return counts;
}

InspectedSplit inspect_split(const TaskSpec& task, const LabelEncoding& encoding, const Graph& graph,
                             Split split, const Table& table, Report& report) {
  const LabelTable labels = make_label_table(task, encoding, graph, split, table, report);
  InspectedSplit out;
  out.name = to_string(split);
  out.source = table.schema.source;
  out.rows = labels.rows;
  std::vector<NodeId> entities = labels.entity;
  std::sort(entities.begin(), entities.end());
  out.entities = std::unique(entities.begin(), entities.end()) - entities.begin();
  if (task.time_column) out.time = time_range(table.at(*task.time_column));
  out.unlabelled =
      labels.labelled ? std::count(labels.has_label.begin(), labels.has_label.end(), 0) : labels.rows;
  if (!labels.labelled) return out;
  if (task.type == TaskType::kRegression)
    describe_values(known_values(labels), "", out);
  else if (is_link(task.type))
    describe_values(target_counts(labels), "targets_", out);
  else
    count_classes(encoding, labels, out);
  return out;
}

void inspect_task(const TaskSpec& task, const LoadedData& data, const Graph& graph, Report& report,
                  Inspection& out) {
  if (!data.train) return;
  const LabelEncoding encoding = fit_labels(task, *data.train, report);
  const auto add = [&](Split split, const std::optional<Table>& table) {
    if (table) out.splits.push_back(inspect_split(task, encoding, graph, split, *table, report));
  };
  add(Split::kTrain, data.train);
  add(Split::kValidation, data.validation);
  add(Split::kTest, data.test);
}

// Where statistics end: at the last training time, and never after visible_until.
std::optional<int64_t> statistics_until(const JobSpec& spec, const LoadedData& data) {
  std::optional<int64_t> until = spec.visible_until_us;
  if (!spec.task || !spec.task->time_column || !data.train) return until;
  const std::optional<int64_t> last = time_range(data.train->at(*spec.task->time_column)).last_us;
  if (!last) return until;
  return std::min(*last, until.value_or(*last));
}

}  // namespace

Inspection inspect(const JobSpec& spec, ThreadPool& pool, Report& report, const CancelToken* cancel) {
  SourceReader reader(spec.base_folder);
  const SplitChoice splits{.train = true, .validation = true, .test = true};
  check_sources(reader, spec, splits);
  const LoadedData data = load_data(reader, spec, splits, report, cancel, {.makes_features = false});
  const Graph graph = Graph::build(data.tables, pool, report);

  Inspection out;
  out.dataset = spec.dataset_name;
  out.visible_until_us = statistics_until(spec, data);
  for (const Table& table : data.tables)
    out.tables.push_back(inspect_table(table, {out.visible_until_us}, graph.schema()));
  out.task = spec.task;
  if (spec.task) inspect_task(*spec.task, data, graph, report, out);
  return out;
}

}  // namespace rle
