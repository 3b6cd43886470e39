#include "job/load_data.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "job/column_family.h"
#include "job/memory_need.h"
#include "job/table_snapshots.h"
#include "train/dataset_snapshots.h"

namespace rle {
namespace {

std::vector<std::string> datetime_columns(const TableSchema& schema) {
  std::vector<std::string> times;
  for (const ColumnSpec& column : schema.columns)
    if (column.dtype == Dtype::kDatetime) times.push_back(column.name);
  return times;
}

// Whether the snapshot of the table's features is there; false where its name is not known before rows are
// read.
bool has_features(const SnapshotFolder& folder, const Table& table, const JobSpec& spec, const LoadUse& use) {
  if (use.model != nullptr) {
    for (const TableStatistics& statistics : use.model->definition.statistics)
      if (statistics.table == table.schema.name)
        return folder.has(features_key(table, spec.visible_until_us, statistics));
    return false;
  }
  if (!spec.task || spec.task->time_column) return false;  // training times decide
  return folder.has(features_key(table, spec.visible_until_us, Visibility{spec.visible_until_us}));
}

// As the run will have them: a model's graph is of its own order.
void order_as(const std::vector<TableSignature>& trained, std::vector<Table>& tables) {
  const auto position = [&](const Table& table) {
    return std::find_if(trained.begin(), trained.end(),
                        [&](const TableSignature& t) { return t.schema.name == table.schema.name; });
  };
  std::stable_sort(tables.begin(), tables.end(),
                   [&](const Table& a, const Table& b) { return position(a) < position(b); });
}

// Rows of a label table; each key in a list of targets counts as one more.
int64_t label_rows(SourceReader& reader, const TaskSpec& task, const std::string& source) {
  const int64_t rows = reader.count_rows(source);
  const std::vector<SourceColumn> columns = reader.columns(source);
  const auto has_lists = [&](const SourceColumn& column) {
    return column.name == task.target_column && family_of(column) == ColumnFamily::kList;
  };
  if (!is_link(task.type) || std::none_of(columns.begin(), columns.end(), has_lists)) return rows;
  const SourceSize size = reader.size(label_schema(task, "labels", source), {task.target_column});
  return rows + static_cast<int64_t>(std::ceil(static_cast<double>(rows) * size.columns.at(0).length));
}

// Before a row is kept: does the run fit into the user's limit?
void check_need(SourceReader& reader, const JobSpec& spec, std::vector<TablePlan> plans,
                const SnapshotFolder* folder, const LoadUse& use) {
  std::vector<Table> tables;  // without rows
  for (TablePlan& plan : plans) {
    Table& table = tables.emplace_back();
    table.schema = plan.schema;
    table.source_place = plan.key.place;
    table.source_content = plan.key.content;
    const bool keeps = folder != nullptr && plan.key.place != 0;
    plan.kept = keeps && folder->has(plan.key);
    plan.features_kept = plan.schema.type == TableType::kEdge ||
                         (keeps && use.makes_features && has_features(*folder, table, spec, use));
  }
  if (use.model != nullptr) order_as(use.model->tables, tables);
  const bool graph_kept =
      folder != nullptr && use.makes_features &&
      std::all_of(plans.begin(), plans.end(), [](const TablePlan& p) { return p.key.place != 0; }) &&
      folder->has(graph_key(tables, spec.visible_until_us));
  LabelRows labels;
  if (spec.task)
    for (const auto& source : {spec.task->train, spec.task->validation, spec.task->test})
      if (source) labels.rows += label_rows(reader, *spec.task, *source);
  if (use.embeddings && spec.task->test) labels.embedded = reader.count_rows(*spec.task->test);
  check_memory(memory_need(reader, spec, plans, graph_kept, labels, use), spec);
}

// In canonical order.
std::vector<Table> load_tables(SourceReader& reader, const JobSpec& spec, SnapshotFolder* folder,
                               Report& report, const CancelToken* cancel, const LoadUse& use) {
  std::optional<TableSnapshots> snapshots;
  if (folder != nullptr) snapshots.emplace(*folder, reader, report);
  std::vector<TablePlan> plans;
  for (const TableSchema& schema : spec.tables) {
    TablePlan& plan = plans.emplace_back();
    plan.schema = schema;
    plan.columns = reader.used_columns(schema, report);
    if (snapshots) plan.key = snapshots->key(schema, plan.columns, datetime_columns(schema));
  }
  if (spec.memory_limit_bytes) check_need(reader, spec, plans, folder, use);
  std::vector<Table> tables;
  for (const TablePlan& plan : plans) {
    const std::vector<std::string> times = datetime_columns(plan.schema);
    if (snapshots) {
      tables.push_back(snapshots->read(plan.key, plan.schema, plan.columns, times, cancel));
    } else {
      tables.push_back(reader.read(plan.schema, plan.columns, times, report, cancel));
      sort_canonically(tables.back());
    }
  }
  return tables;
}

std::optional<Table> load_labels(SourceReader& reader, const TaskSpec& task, Split split,
                                 const std::optional<std::string>& source, Report& report,
                                 const CancelToken* cancel) {
  if (!source) return std::nullopt;
  const TableSchema schema = label_schema(task, fmt::format("task.{}", to_string(split)), *source);
  std::vector<std::string> wanted{task.entity_column};
  if (task.time_column) wanted.push_back(*task.time_column);
  const std::vector<SourceColumn> columns = reader.columns(*source);
  const auto is_target = [&](const SourceColumn& column) { return column.name == task.target_column; };
  if (std::any_of(columns.begin(), columns.end(), is_target)) wanted.push_back(task.target_column);
  std::vector<std::string> times;
  if (task.time_column) times.push_back(*task.time_column);
  return reader.read(schema, wanted, times, report, cancel);
}

}  // namespace

DatasetInput dataset_input(LoadedData& data, const JobSpec& spec) {
  DatasetInput input;
  input.tables = std::move(data.tables);
  input.train = data.train ? &*data.train : nullptr;
  input.validation = data.validation ? &*data.validation : nullptr;
  input.test = data.test ? &*data.test : nullptr;
  input.visible_until_us = spec.visible_until_us;
  input.snapshots = data.snapshots.get();
  return input;
}

TableSchema label_schema(const TaskSpec& task, std::string_view name, const std::string& source) {
  TableSchema schema;
  schema.name = name;
  schema.source = source;
  schema.all_columns = false;
  schema.time_column = task.time_column;
  schema.columns.push_back({task.entity_column, std::nullopt});
  schema.columns.push_back({task.target_column, std::nullopt});
  return schema;
}

LoadedData load_data(SourceReader& reader, const JobSpec& spec, const SplitChoice& splits, Report& report,
                     const CancelToken* cancel, const LoadUse& use) {
  note_time_zones(reader, spec, splits, report);
  LoadedData data;
  if (spec.snapshot_folder) data.snapshots = std::make_unique<SnapshotFolder>(*spec.snapshot_folder, report);
  data.tables = load_tables(reader, spec, data.snapshots.get(), report, cancel, use);
  if (!spec.task) return data;
  const TaskSpec& task = *spec.task;
  if (splits.train) data.train = load_labels(reader, task, Split::kTrain, task.train, report, cancel);
  if (splits.validation)
    data.validation = load_labels(reader, task, Split::kValidation, task.validation, report, cancel);
  if (splits.test) data.test = load_labels(reader, task, Split::kTest, task.test, report, cancel);
  return data;
}

void use_model_columns(SourceReader& reader, const std::vector<TableSignature>& trained, JobSpec& spec) {
  for (TableSchema& table : spec.tables) {
    const std::vector<SourceColumn> present = reader.columns(table.source);
    const auto has = [&](const std::string& name) {
      return std::any_of(present.begin(), present.end(),
                         [&](const SourceColumn& c) { return c.name == name; });
    };
    const auto model = std::find_if(trained.begin(), trained.end(),
                                    [&](const TableSignature& t) { return t.schema.name == table.name; });
    table.columns.clear();
    table.excluded_columns.clear();
    table.all_columns = false;
    if (model != trained.end())
      for (const ColumnSpec& column : model->schema.columns)
        if (has(column.name)) table.columns.push_back(column);
  }
}

}  // namespace rle
