#include <algorithm>

#include "base/error.h"
#include "base/memory.h"
#include "job/load_data.h"
#include "job/memory_need.h"
#include "job/model_folder.h"
#include "job/precision.h"
#include "job/run_job.h"
#include "train/embedding_table.h"
#include "train/exact_inference.h"
#include "train/link_prediction_table.h"
#include "train/link_ranking.h"
#include "train/prediction_table.h"
#include "train/time_groups.h"

namespace rle {
namespace {

constexpr int64_t kVectorRowBytes = 64;  // of a vector besides its channels: node, time, key, place

// Everything that the arguments alone tell.
void check_request(const JobSpec& spec, const PredictRequest& request) {
  const TaskSpec& task = *spec.task;
  if (!request.entities && request.at_us)
    fail(ErrorCode::kSpec,
         "--at gives the time of predictions for --entities; without it the times are those of task.test");
  if (!request.entities && !task.test)
    fail(ErrorCode::kSpec,
         "task.test is missing: name the table to predict for, or give --entities all --at TIME");
  if (request.entities == "all" && task.time_column && !request.at_us)
    fail(ErrorCode::kSpec, "--entities all needs --at TIME, the time the predictions are made at");
  if (request.at_us && !task.time_column)
    fail(ErrorCode::kSpec, "--at: the task has no time column, so its predictions have no time");
}

void check_outputs_are_new(const PredictRequest& request) {
  check_output_is_new(request.output);
  for (const OutputTarget& target : request.embeddings) check_output_is_new(target);
}

// The keys of a file, and its times where it has them.
Table read_keys(SourceReader& tables, const JobSpec& spec, const PredictRequest& request,
                const RunContext& context) {
  const TaskSpec& task = *spec.task;
  SourceReader reader(request.entities_base);
  const std::string& file = *request.entities;
  const std::vector<SourceColumn> columns = reader.columns(file);
  TableSchema schema = label_schema(task, file, file);
  std::vector<std::string> wanted, times;
  for (const SourceColumn& column : columns) {
    const bool is_time = task.time_column == column.name;
    if (is_time && request.at_us)
      fail(ErrorCode::kSpec,
           "--at: {} has times of its own (column '{}'); leave --at out, or take the column out of the file",
           file, column.name);
    if (column.name == task.entity_column || is_time || columns.size() == 1) wanted.push_back(column.name);
    if (is_time) times.push_back(column.name);
  }
  if (times.empty()) schema.time_column.reset();
  if (wanted.empty()) wanted.push_back(task.entity_column);  // refused by the reader, with the nearest name
  Table keys = reader.read(schema, wanted, times, context.report, context.cancel);
  if (keys.rows == 0)
    fail(ErrorCode::kData, "--entities {}: has no rows; list the keys of '{}' to predict for, one a row",
         file, task.entity_table);
  for (const SourceColumn& column : columns)
    if (column.name == task.entity_column || columns.size() == 1)
      check_entity_keys(tables, spec, fmt::format("--entities {}", file), column);
  return keys;
}

// Every entity that is there at the asked time.
Table all_entities(const JobSpec& spec, const PredictRequest& request, LoadedData& data,
                   const RunContext& context) {
  const TaskSpec& task = *spec.task;
  const auto entities = std::find_if(data.tables.begin(), data.tables.end(), [&](const Table& table) {
    return table.schema.name == task.entity_table;
  });
  RLE_CHECK(entities != data.tables.end());
  if (spec.visible_until_us) drop_rows_after(*entities, *spec.visible_until_us);
  return entities_at(*entities, task, request.at_us, context.report);
}

// A model, what it is applied to, and how.
struct Scoring {
  RelationalModel& network;
  const Dataset& dataset;
  ScoreOptions options;
  ThreadPool& pool;
};

// Predictions, and embeddings where asked for. source: the test table as read.
std::vector<Table> node_tables(Scoring scoring, const Table& source, const PredictRequest& request) {
  const Dataset& dataset = scoring.dataset;
  ScoredVectors vectors;
  if (!request.embeddings.empty()) scoring.options.vectors = &vectors;
  const std::vector<double> score =
      score_rows(scoring.network, dataset, *dataset.test, scoring.options, scoring.pool);
  std::vector<Table> tables;
  tables.push_back(
      prediction_table(dataset.task, dataset.encoding, source, *dataset.test, score, request.flatten));
  if (!request.embeddings.empty())
    tables.push_back(entity_embedding_table(dataset.task, source, *dataset.test, vectors.rows));
  return tables;
}

// A target has a vector for each time at which it is visible.
void check_target_vectors(const Scoring& scoring, std::optional<int64_t> memory_limit) {
  const LabelTable& labels = *scoring.dataset.test;
  int64_t rows = 0, times = 0;
  for (int64_t begin = 0; begin < labels.rows; ++times) {
    const TimeGroup group = group_at(labels, begin);
    rows += count_visible(scoring.dataset.graph, scoring.dataset.target_type, group.time_us,
                          scoring.dataset.task.current_time);
    begin = group.end;
  }
  const int64_t bytes =
      rows * (scoring.network.definition().config.channels * 4 * kVectorCopies + kVectorRowBytes);
  if (!memory_limit || bytes <= *memory_limit) return;
  fail(ErrorCode::kData,
       "the embeddings of the targets take {}: {} vectors at {} times together, and config.memory_limit is "
       "{}; "
       "predict for fewer times at once, or without embeddings",
       bytes_text(bytes), rows, times, bytes_text(*memory_limit));
}

std::vector<Table> link_tables(Scoring scoring, const Table& source, const PredictRequest& request,
                               std::optional<int64_t> memory_limit) {
  const Dataset& dataset = scoring.dataset;
  const TaskSpec& task = dataset.task;
  ScoredVectors vectors;
  if (!request.embeddings.empty()) {
    check_target_vectors(scoring, memory_limit);
    scoring.options.vectors = &vectors;
  }
  const RankedTargets ranked =
      rank_links(scoring.network, dataset, *dataset.test, scoring.options, scoring.pool);
  std::vector<Table> tables;
  tables.push_back(
      link_prediction_table(task, source, *dataset.test, ranked, dataset.target_keys, request.flatten));
  if (request.embeddings.empty()) return tables;
  tables.push_back(entity_embedding_table(task, source, *dataset.test, vectors.rows));
  const Column* times = task.time_column ? source.find(*task.time_column) : nullptr;
  tables.push_back(node_embedding_table(dataset.target_keys, times, vectors.target, vectors.target_time_us,
                                        vectors.targets));
  return tables;
}

void write_outputs(const PredictRequest& request, const std::vector<Table>& tables,
                   const RunContext& context) {
  if (context.cancel != nullptr && context.cancel->requested())
    fail(ErrorCode::kInterrupted, "interrupted before the predictions were written; nothing was written");
  std::vector<TableOutput> outputs{{request.output, tables.data()}};
  for (size_t i = 1; i < tables.size(); ++i) outputs.push_back({request.embeddings[i - 1], &tables[i]});
  WriteOptions write = request.write_options ? request.write_options(outputs) : WriteOptions();
  write.replace = request.replace;
  write_tables(outputs, write);
}

}  // namespace

std::vector<Table> run_predict(const JobSpec& given, const PredictRequest& request,
                               const RunContext& context) {
  TrainedModel model = open_model(request.model_folder);
  check_same_task(model.task, given);
  model.definition.config.precision = inference_precision(given, model, context.report);
  if (given.inference == InferenceMode::kExact) check_exact_inference(model.config.model);
  check_request(given, request);
  if (!request.replace) check_outputs_are_new(request);
  tell_device(given.device, context.report);
  JobSpec spec = given;
  SourceReader reader(spec.base_folder);
  const SplitChoice splits{.test = !request.entities};
  use_model_columns(reader, model.tables, spec);
  check_model_schema(reader, model.tables, spec);
  check_sources(reader, spec, splits);
  std::optional<Table> keys;
  if (request.entities && request.entities != "all")
    keys = keys_at(read_keys(reader, spec, request, context), *spec.task, request.at_us);
  LoadedData data = load_data(reader, spec, splits, context.report, context.cancel,
                              {.model = &model, .embeddings = !request.embeddings.empty()});
  const Table source = keys               ? *std::move(keys)
                       : request.entities ? all_entities(spec, request, data, context)
                                          : *std::move(data.test);

  model.task.entity_column = spec.task->entity_column;
  model.task.time_column = spec.task->time_column;
  model.task.eval_k = spec.task->eval_k;
  DatasetInput input = dataset_input(data, spec);
  input.test = &source;
  const Dataset dataset = build_inference_dataset(std::move(input), model, context.pool, context.report);
  const std::unique_ptr<RelationalModel> network = restore_model(model);
  const Scoring scoring{*network, dataset, score_options(model, spec, context), context.pool};
  const std::vector<Table> tables = is_link(model.task.type)
                                        ? link_tables(scoring, source, request, spec.memory_limit_bytes)
                                        : node_tables(scoring, source, request);
  write_outputs(request, tables, context);
  return tables;
}

std::string first_rows_text(const Table& table, int64_t rows) {
  const int64_t shown = std::min(rows, table.rows);
  std::vector<size_t> widths;
  std::vector<std::vector<std::string>> cells;
  for (const Column& column : table.columns) {
    std::vector<std::string> texts{column.name};
    for (int64_t row = 0; row < shown; ++row) texts.push_back(column.display(row));
    size_t width = 0;
    for (const std::string& text : texts) width = std::max(width, text.size());
    widths.push_back(width);
    cells.push_back(std::move(texts));
  }
  std::string out;
  for (size_t row = 0; row < static_cast<size_t>(shown) + 1; ++row)
    for (size_t c = 0; c < cells.size(); ++c)
      out += fmt::format("{}{:>{}}{}", c == 0 ? "  " : "  ", cells[c][row], widths[c],
                         c + 1 == cells.size() ? "\n" : "");
  return out;
}

std::string query_hint(const OutputTarget& target) {
  const bool table = target.kind == OutputTarget::Kind::kDuckdbTable;
  const std::string name =
      target.schema.empty() ? target.table : fmt::format("{}.{}", target.schema, target.table);
  const std::string from = table ? name : fmt::format("'{}'", target.file.string());
  const std::string sql = fmt::format("SELECT * FROM {} LIMIT 10", from);
  const std::string connect =
      table ? fmt::format("duckdb.connect(\"{}\").sql", target.file.string()) : "duckdb.sql";
  return fmt::format("query it:   duckdb {}-c \"{}\"\nin Python:  import duckdb; {}(\"{}\")\n",
                     table ? fmt::format("{} ", target.file.string()) : "", sql, connect, sql);
}

}  // namespace rle
