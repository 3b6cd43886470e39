#include "job/load_data.h"

#include <algorithm>

#include "base/error.h"

namespace rle {
namespace {

std::vector<std::string> datetime_columns(const TableSchema& schema) {
  std::vector<std::string> times;
  for (const ColumnSpec& column : schema.columns)
    if (column.dtype == Dtype::kDatetime) times.push_back(column.name);
  return times;
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
                     const CancelToken* cancel) {
  note_time_zones(reader, spec, splits, report);
  LoadedData data;
  for (const TableSchema& schema : spec.tables) {
    Table table =
        reader.read(schema, reader.used_columns(schema, report), datetime_columns(schema), report, cancel);
    sort_canonically(table);
    data.tables.push_back(std::move(table));
  }
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
