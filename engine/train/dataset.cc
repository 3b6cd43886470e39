#include "train/dataset.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/time.h"
#include "train/checkpoint.h"
#include "train/checkpoint_check.h"
#include "train/dataset_snapshots.h"

namespace rle {
namespace {

std::vector<std::string> node_table_names(const std::vector<Table>& tables) {
  std::vector<std::string> names;
  for (const Table& table : tables)
    if (table.schema.type == TableType::kNode) names.push_back(table.schema.name);
  return names;
}

// Finds the table of the entities, or of the targets (`role`), and fills in its primary key where the task
// names no key.
void resolve_key(const TaskSpec& task, const char* role, const std::string& name, std::string& key,
                 const std::vector<Table>& tables) {
  for (const Table& table : tables) {
    if (table.schema.name != name || table.schema.type != TableType::kNode) continue;
    if (!key.empty()) return;
    if (!table.schema.primary_key)
      fail(ErrorCode::kSpec, "task '{}': its {} table '{}' has no primary key; name one", task.name, role,
           name);
    key = *table.schema.primary_key;
    return;
  }
  fail(ErrorCode::kSpec, "task '{}': there is no {} table '{}' of type node{}", task.name, role, name,
       suggestion(name, node_table_names(tables)));
}

void resolve_keys(TaskSpec& task, const std::vector<Table>& tables) {
  resolve_key(task, "entity", task.entity_table, task.entity_key, tables);
  if (is_link(task.type)) resolve_key(task, "target", task.target_table, task.target_key, tables);
}

// Each target is predicted by its key.
void require_target_keys(const TaskSpec& task, const Table& table) {
  const Column& keys = table.at(task.target_key);
  const int64_t nulls = keys.null_count();
  if (nulls == 0) return;
  int64_t first = 0;
  while (!keys.is_null(first)) ++first;
  fail(ErrorCode::kData,
       "task '{}': {}.{} is null in {} of {} rows, first in row {} of the source (counted from 1), so that "
       "these targets could not be named in a prediction; fill them, leave the rows out, or let "
       "target_entity name the primary key",
       task.name, task.target_table, task.target_key, nulls, table.rows, table.source_row(first) + 1);
}

// The node types of the task; links: the targets' keys.
void find_ends(Dataset& dataset, const std::vector<Table>& tables) {
  const GraphSchema& schema = dataset.graph.schema();
  dataset.entity_type = schema.find_node_type(dataset.task.entity_table);
  dataset.target_type = dataset.entity_type;
  if (!is_link(dataset.task.type)) return;
  dataset.target_type = schema.find_node_type(dataset.task.target_table);
  for (const Table& table : tables)
    if (table.schema.name == dataset.task.target_table) {
      require_target_keys(dataset.task, table);
      dataset.target_keys = table.at(dataset.task.target_key);
    }
  const Column& keys = dataset.target_keys;
  dataset.targets_by_key.resize(static_cast<size_t>(keys.rows));
  std::iota(dataset.targets_by_key.begin(), dataset.targets_by_key.end(), NodeId{0});
  std::sort(dataset.targets_by_key.begin(), dataset.targets_by_key.end(), [&](NodeId a, NodeId b) {
    const int order = keys.compare(a, b);
    return order != 0 ? order < 0 : a < b;
  });
}

void freeze_history(std::vector<Table>& tables, const std::optional<int64_t>& until_us, Report& report) {
  if (!until_us) return;
  std::string dropped;
  for (Table& table : tables) {
    const int64_t rows = table.rows, later = drop_rows_after(table, *until_us);
    if (later > 0)
      dropped +=
          fmt::format("{}{} of {} in '{}'", dropped.empty() ? "" : ", ", later, rows, table.schema.name);
  }
  if (!dropped.empty()) report.info("rows later than {} are not used: {}", format_time(*until_us), dropped);
}

// One line for all tables.
void report_text(const std::vector<TableFeatures>& features, Report& report) {
  std::string names;
  for (const TableFeatures& table : features)
    for (const std::string& column : table.statistics().left_out_text)
      names += (names.empty() ? "" : ", ") + table.statistics().table + "." + column;
  if (!names.empty()) report.info("text columns are left out until text embedding is built: {}", names);
}

std::optional<LabelTable> label_table(const Dataset& dataset, Split split, const Table* table,
                                      Report& report) {
  if (table == nullptr) return std::nullopt;
  return make_label_table(dataset.task, dataset.encoding, dataset.graph, split, *table, report);
}

std::vector<uint32_t> rows_in_source(const Table& table) {
  std::vector<uint32_t> rows;
  rows.reserve(static_cast<size_t>(table.rows));
  for (int64_t row = 0; row < table.rows; ++row) rows.push_back(static_cast<uint32_t>(table.source_row(row)));
  return rows;
}

std::vector<Table> in_trained_order(std::vector<Table> tables, const std::vector<TableSignature>& trained) {
  std::vector<Table> ordered;
  for (const TableSignature& signature : trained) {
    const auto found = std::find_if(tables.begin(), tables.end(), [&](const Table& table) {
      return table.schema.name == signature.schema.name;
    });
    RLE_CHECK(found != tables.end());
    ordered.push_back(std::move(*found));
    tables.erase(found);
  }
  return ordered;
}

}  // namespace

int64_t drop_rows_after(Table& table, int64_t until_us) {
  if (!table.schema.time_column) return 0;
  const Column& time = table.at(*table.schema.time_column);
  const std::vector<uint8_t> visible = visible_rows(table, {until_us});
  const auto first_null = table.rows - time.null_count();
  const auto kept = std::count(visible.begin(), visible.end(), uint8_t{1});
  const int64_t dropped = first_null - kept;
  if (dropped == 0) return 0;
  if (first_null == table.rows) {
    for (Column& column : table.columns) column.truncate(kept);
    if (!table.source_rows.empty()) table.source_rows.truncate(static_cast<size_t>(kept));
    table.rows = kept;
    return dropped;
  }
  std::vector<int64_t> order(static_cast<size_t>(table.rows - dropped)), source_rows;
  std::iota(order.begin(), order.begin() + kept, int64_t{0});
  std::iota(order.begin() + kept, order.end(), first_null);
  for (int64_t row : order) source_rows.push_back(table.source_row(row));
  for (Column& column : table.columns) column = column.permuted(order);
  table.rows -= dropped;
  table.source_rows = std::move(source_rows);
  return dropped;
}

Dataset build_training_dataset(DatasetInput input, ThreadPool& pool, Report& report) {
  if (input.train == nullptr)
    fail(ErrorCode::kSpec, "task '{}' has no training table; give one under task", input.task.name);
  Dataset dataset;
  dataset.task = std::move(input.task);
  resolve_keys(dataset.task, input.tables);
  require_keys(input.shallow_embeddings, input.tables);
  dataset.encoding = fit_labels(dataset.task, *input.train, report);
  freeze_history(input.tables, input.visible_until_us, report);
  const SnapshotUse kept{input.snapshots, input.visible_until_us};
  dataset.graph = kept_graph(input.tables, kept, pool, report);
  find_ends(dataset, input.tables);
  dataset.train = label_table(dataset, Split::kTrain, input.train, report);
  dataset.validation = label_table(dataset, Split::kValidation, input.validation, report);
  dataset.test = label_table(dataset, Split::kTest, input.test, report);

  Visibility visibility{input.visible_until_us};
  const std::vector<int64_t>& times = dataset.train->time_us;
  if (!times.empty()) {
    dataset.last_training_time_us = *std::max_element(times.begin(), times.end());
    // The last moment that a training seed sees: its own time, or just before it.
    const int64_t seen = *dataset.last_training_time_us - (dataset.task.current_time ? 0 : 1);
    visibility.until_us = std::min(seen, input.visible_until_us.value_or(seen));
  }
  for (const std::string& name : input.shallow_embeddings)
    dataset.shallow_keys.push_back(visible_keys(name, input.tables, visibility));
  dataset.shallow_rows = find_shallow_rows(dataset.shallow_keys, dataset.graph, report);
  for (Table& table : input.tables) {
    if (table.schema.type == TableType::kEdge) {
      dataset.tables.push_back(table_signature(table, nullptr));
    } else {
      dataset.features.push_back(kept_features(table, visibility, kept, report));
      dataset.tables.push_back(table_signature(table, &dataset.features.back().statistics()));
      if (input.keep_source_rows) dataset.source_rows.push_back(rows_in_source(table));
    }
    table = Table{};
  }
  report_text(dataset.features, report);
  return dataset;
}

Dataset build_inference_dataset(DatasetInput input, const TrainedModel& model, ThreadPool& pool,
                                Report& report) {
  compare_schema(model.tables, input.tables);
  input.tables = in_trained_order(std::move(input.tables), model.tables);
  freeze_history(input.tables, input.visible_until_us, report);
  Dataset dataset;
  dataset.task = model.task;
  dataset.encoding = model.encoding;
  dataset.tables = model.tables;
  dataset.last_training_time_us = model.last_training_time_us;
  const SnapshotUse kept{input.snapshots, input.visible_until_us};
  dataset.graph = kept_graph(input.tables, kept, pool, report);
  if (!same_types(dataset.graph.schema(), model.definition.graph))
    fail(ErrorCode::kIo, "the model file is damaged: its graph is not that of its tables");
  dataset.shallow_keys = model.shallow_keys;
  dataset.shallow_rows = find_shallow_rows(model.shallow_keys, dataset.graph, report);
  find_ends(dataset, input.tables);
  dataset.train = label_table(dataset, Split::kTrain, input.train, report);
  dataset.validation = label_table(dataset, Split::kValidation, input.validation, report);
  dataset.test = label_table(dataset, Split::kTest, input.test, report);
  for (Table& table : input.tables) {
    if (table.schema.type == TableType::kNode) {
      RLE_CHECK(dataset.features.size() < model.definition.statistics.size());
      const TableStatistics& statistics = model.definition.statistics[dataset.features.size()];
      dataset.features.push_back(kept_features(table, statistics, kept));
    }
    table = Table{};
  }
  return dataset;
}

Readout readout_of(TaskType type, const ModelConfig& config) {
  if (type == TaskType::kRepeatedLinkPrediction) return Readout::kTargets;
  if (type != TaskType::kLinkPrediction) return Readout::kSeeds;
  return config.link_fusion ? Readout::kFusion : Readout::kTowers;
}

void set_task(const TaskSpec& task, const LabelEncoding& encoding, const ModelConfig& config,
              ModelDefinition& definition) {
  definition.task_has_time = task.time_column.has_value();
  definition.readout = readout_of(task.type, config);
  definition.outputs = encoding.outputs();
  definition.config = config;
  definition.config.id_awareness |= reads_targets(definition.readout);
}

ModelDefinition make_definition(const Dataset& dataset, const TrainConfig& config) {
  ModelDefinition definition;
  definition.graph = dataset.graph.schema();
  for (const std::string& table : config.model.shallow_embeddings) {
    const auto keys = std::find_if(dataset.shallow_keys.begin(), dataset.shallow_keys.end(),
                                   [&](const ShallowKeys& k) { return k.table == table; });
    RLE_CHECK(keys != dataset.shallow_keys.end());
    definition.graph.node_types[definition.graph.find_node_type(table).index()].nodes = keys->keys.rows;
  }
  for (const TableFeatures& features : dataset.features)
    definition.statistics.push_back(features.statistics());
  definition.entity_type = dataset.entity_type;
  definition.target_type = dataset.target_type;
  set_task(dataset.task, dataset.encoding, config.model, definition);
  return definition;
}

}  // namespace rle
