#include "train/checkpoint_json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "train/checkpoint_check.h"
#include "train/dataset.h"

namespace rle {
namespace {
using Json = nlohmann::json;

// ---- enums as names
// ---------------------------------------------------------------------------------------------------

template <typename Enum>
using Names = std::vector<std::pair<Enum, std::string_view>>;

const Names<Aggregation> kAggregations{
    {Aggregation::kMean, "mean"}, {Aggregation::kMax, "max"}, {Aggregation::kSum, "sum"}};
const Names<Norm> kNorms{{Norm::kBatch, "batch"}, {Norm::kLayer, "layer"}, {Norm::kInstance, "instance"}};
const Names<Precision> kPrecisions{{Precision::kFp32, "fp32"}, {Precision::kBf16, "bf16"}};
const Names<LrSchedule> kSchedules{{LrSchedule::kCosine, "cosine"}, {LrSchedule::kConstant, "constant"}};
const Names<TemporalStrategy> kStrategies{{TemporalStrategy::kUniform, "uniform"},
                                          {TemporalStrategy::kLast, "last"}};
const Names<NegativeSampling> kNegativeSamplings{{NegativeSampling::kRandom, "random"},
                                                 {NegativeSampling::kDegreeBased, "degree_based"}};
const Names<TableType> kTableTypes{{TableType::kNode, "node"}, {TableType::kEdge, "edge"}};

template <typename Enum>
std::string name_of(const Names<Enum>& names, Enum value) {
  for (const auto& [candidate, name] : names)
    if (candidate == value) return std::string(name);
  RLE_CHECK(false);
}

struct Damaged {
  std::string what;
};

template <typename Enum>
Enum value_of(const Names<Enum>& names, const Json& json) {
  for (const auto& [value, name] : names)
    if (json == name) return value;
  throw Damaged{"an unknown name " + json.dump()};
}

Names<PhysicalType> physical_types() {
  Names<PhysicalType> names;
  for (PhysicalType type :
       {PhysicalType::kInt64, PhysicalType::kFloat64, PhysicalType::kTimestamp, PhysicalType::kString,
        PhysicalType::kIntList, PhysicalType::kStringList, PhysicalType::kFloatList})
    names.emplace_back(type, to_string(type));
  return names;
}

Dtype dtype_of(const Json& json) {
  const std::optional<Dtype> dtype = dtype_from_string(json.get<std::string>());
  if (!dtype) throw Damaged{"an unknown dtype " + json.dump()};
  return *dtype;
}

TaskType task_type_of(const Json& json) {
  const std::optional<TaskType> type = task_type_from_string(json.get<std::string>());
  if (!type) throw Damaged{"an unknown task type " + json.dump()};
  return *type;
}

// ---- optional and undefined values as null
// ----------------------------------------------------------------------------

template <typename T>
Json optional_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

constexpr int64_t kMaxYear = 300'000;  // 64 bits of microseconds end before
constexpr int64_t kMaxDimension = int64_t{1} << 24;
constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

int64_t whole(const Json& json, int64_t minimum = -kAny - 1, int64_t maximum = kAny) {
  if (!json.is_number_integer() || (json.is_number_unsigned() && json.get<uint64_t>() > uint64_t{kAny}) ||
      json.get<int64_t>() < minimum || json.get<int64_t>() > maximum)
    throw Damaged{
        fmt::format("{} where a whole number from {} to {} belongs", json.dump(), minimum, maximum)};
  return json.get<int64_t>();
}

template <typename T>
std::optional<T> optional_of(const Json& json) {
  if (json.is_null()) return std::nullopt;
  if constexpr (std::is_same_v<T, int64_t>) return whole(json);
  return json.get<T>();
}

Json metric_json(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
double metric_of(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

// ---- tables
// -----------------------------------------------------------------------------------------------------------

Json table_json(const TableSignature& table) {
  const TableSchema& schema = table.schema;
  Json out = {{"name", schema.name},
              {"type", name_of(kTableTypes, schema.type)},
              {"primary_key", optional_json(schema.primary_key)},
              {"time_column", optional_json(schema.time_column)},
              {"candidate_keys", Json::array()},
              {"foreign_keys", Json::array()},
              {"features", Json::array()},
              {"columns", Json::array()}};
  for (const CandidateKey& key : schema.candidate_keys)
    out["candidate_keys"].push_back({{"column", key.column}, {"is_feature", key.is_feature}});
  for (const ForeignKey& key : schema.foreign_keys)
    out["foreign_keys"].push_back({{"column", key.column},
                                   {"parent_table", key.parent_table},
                                   {"parent_column", key.parent_column},
                                   {"is_feature", key.is_feature}});
  for (const ColumnSpec& column : schema.columns)
    out["features"].push_back({{"column", column.name}, {"dtype", to_string(column.dtype.value())}});
  for (const ColumnSignature& column : table.columns)
    out["columns"].push_back({{"column", column.name}, {"type", to_string(column.type)}});
  return out;
}

TableSignature table_of(const Json& json) {
  TableSignature table;
  TableSchema& schema = table.schema;
  schema.name = json.at("name");
  schema.type = value_of(kTableTypes, json.at("type"));
  schema.primary_key = optional_of<std::string>(json.at("primary_key"));
  schema.time_column = optional_of<std::string>(json.at("time_column"));
  schema.all_columns = false;
  for (const Json& key : json.at("candidate_keys"))
    schema.candidate_keys.push_back({key.at("column"), key.at("is_feature")});
  for (const Json& key : json.at("foreign_keys"))
    schema.foreign_keys.push_back(
        {key.at("column"), key.at("parent_table"), key.at("parent_column"), key.at("is_feature")});
  for (const Json& column : json.at("features"))
    schema.columns.push_back({column.at("column"), dtype_of(column.at("dtype"))});
  for (const Json& column : json.at("columns"))
    table.columns.push_back({column.at("column"), value_of(physical_types(), column.at("type"))});
  return table;
}

Json statistics_json(const TableStatistics& table) {
  Json columns = Json::array();
  for (const ColumnStatistics& c : table.columns)
    columns.push_back({{"column", c.column},
                       {"dtype", to_string(c.dtype)},
                       {"mean", c.mean},
                       {"std", c.std},
                       {"min_year", c.min_year},
                       {"median_us", c.median_us},
                       {"dimension", c.dimension},
                       {"visible", c.visible},
                       {"nulls", c.nulls},
                       {"non_finite", c.non_finite}});
  return {{"table", table.table}, {"columns", std::move(columns)}};
}

TableStatistics statistics_of(const Json& json) {
  TableStatistics table;
  table.table = json.at("table");
  for (const Json& c : json.at("columns")) {
    ColumnStatistics column;
    column.column = c.at("column");
    column.dtype = dtype_of(c.at("dtype"));
    column.mean = c.at("mean");
    column.std = c.at("std");
    column.min_year = static_cast<int>(whole(c.at("min_year"), -kMaxYear, kMaxYear));
    column.median_us = whole(c.at("median_us"));
    column.dimension = whole(c.at("dimension"), 0, kMaxDimension);
    column.visible = whole(c.at("visible"));
    column.nulls = whole(c.at("nulls"));
    column.non_finite = whole(c.at("non_finite"));
    table.columns.push_back(std::move(column));
  }
  return table;
}

// ---- graph, task, labels
// ----------------------------------------------------------------------------------------------

// A count of nodes would tell of rows later than any that the model saw; only embeddings of nodes need it.
Json graph_json(const GraphSchema& graph, const std::vector<std::string>& shallow) {
  Json out = {{"node_types", Json::array()}, {"edge_types", Json::array()}};
  for (const NodeTypeInfo& type : graph.node_types) {
    Json item = {{"name", type.name}, {"has_time", type.has_time}};
    if (std::find(shallow.begin(), shallow.end(), type.name) != shallow.end()) item["nodes"] = type.nodes;
    out["node_types"].push_back(std::move(item));
  }
  for (const EdgeTypeInfo& type : graph.edge_types)
    out["edge_types"].push_back(
        {{"name", type.name}, {"source", type.source.value}, {"target", type.target.value}});
  return out;
}

NodeTypeId node_type_of(const Json& json, size_t node_types) {
  const int64_t value = whole(json);
  if (value < 0 || value >= static_cast<int64_t>(node_types)) throw Damaged{"a node type that is not there"};
  return NodeTypeId(static_cast<int32_t>(value));
}

GraphSchema graph_of(const Json& json) {
  GraphSchema graph;
  for (const Json& type : json.at("node_types"))
    graph.node_types.push_back(
        {type.at("name"), type.contains("nodes") ? whole(type["nodes"], 0) : 0, type.at("has_time")});
  for (const Json& type : json.at("edge_types")) {
    EdgeTypeInfo info;
    info.name = type.at("name");
    info.source = node_type_of(type.at("source"), graph.node_types.size());
    info.target = node_type_of(type.at("target"), graph.node_types.size());
    graph.edge_types.push_back(std::move(info));
  }
  return graph;
}

NodeTypeId target_type_of(const TaskSpec& task, const GraphSchema& graph) {
  for (size_t type = 0; type < graph.node_types.size(); ++type)
    if (graph.node_types[type].name == task.target_table) return NodeTypeId(static_cast<int32_t>(type));
  throw Damaged{fmt::format("the target table '{}' is no node type", task.target_table)};
}

Json task_json(const TaskSpec& task) {
  return {{"name", task.name},
          {"type", to_string(task.type)},
          {"entity_table", task.entity_table},
          {"entity_column", task.entity_column},
          {"entity_key", task.entity_key},
          {"target_column", task.target_column},
          {"time_column", optional_json(task.time_column)},
          {"current_time", task.current_time},
          {"horizon_us", optional_json(task.horizon_us)},
          {"metric", optional_json(task.metric)},
          {"target_table", task.target_table},
          {"target_key", task.target_key},
          {"eval_k", task.eval_k}};
}

TaskSpec task_of(const Json& json) {
  TaskSpec task;
  task.name = json.at("name");
  task.type = task_type_of(json.at("type"));
  task.entity_table = json.at("entity_table");
  task.entity_column = json.at("entity_column");
  task.entity_key = json.at("entity_key");
  task.target_column = json.at("target_column");
  task.time_column = optional_of<std::string>(json.at("time_column"));
  task.current_time = json.at("current_time");
  task.horizon_us = optional_of<int64_t>(json.at("horizon_us"));
  task.metric = optional_of<std::string>(json.at("metric"));
  // Absent from models that are older than link tasks.
  if (json.contains("eval_k")) {
    task.target_table = json.at("target_table");
    task.target_key = json.at("target_key");
    task.eval_k = whole(json.at("eval_k"), 1, kMaxEvalK);
  }
  return task;
}

Json encoding_json(const LabelEncoding& encoding) {
  return {{"classes", encoding.classes},           {"arrow_format", encoding.arrow_format},
          {"percentile_2", encoding.percentile_2}, {"percentile_98", encoding.percentile_98},
          {"minimum", encoding.minimum},           {"maximum", encoding.maximum}};
}

LabelEncoding encoding_of(const Json& json, TaskType type) {
  LabelEncoding encoding;
  encoding.type = type;
  encoding.classes = json.at("classes").get<std::vector<std::string>>();
  encoding.arrow_format = json.at("arrow_format");
  encoding.percentile_2 = json.at("percentile_2");
  encoding.percentile_98 = json.at("percentile_98");
  encoding.minimum = json.at("minimum");
  encoding.maximum = json.at("maximum");
  return encoding;
}

// ---- configuration
// ----------------------------------------------------------------------------------------------------

Json model_config_json(const ModelConfig& model) {
  return {{"channels", model.channels},
          {"encoder_blocks", model.encoder_blocks},
          {"dropout", model.dropout},
          {"gnn_layers", model.gnn_layers},
          {"conv_aggregation", name_of(kAggregations, model.conv_aggregation)},
          {"hetero_conv_aggregation", name_of(kAggregations, model.hetero_conv_aggregation)},
          {"gnn_norm", name_of(kNorms, model.gnn_norm)},
          {"head_layers", model.head_layers},
          {"head_norm", name_of(kNorms, model.head_norm)},
          {"use_temporal_encoder", model.use_temporal_encoder},
          {"shallow_embeddings", model.shallow_embeddings},
          {"id_awareness", model.id_awareness},
          {"link_fusion", model.link_fusion},
          {"precision", name_of(kPrecisions, model.precision)}};
}

ModelConfig model_config_of(const Json& json) {
  ModelConfig model;
  model.channels = whole(json.at("channels"), 2, kMaxChannels);
  model.encoder_blocks = whole(json.at("encoder_blocks"), 0, kMaxLayers);
  model.dropout = json.at("dropout");
  model.gnn_layers = whole(json.at("gnn_layers"), 1, kMaxLayers);
  model.conv_aggregation = value_of(kAggregations, json.at("conv_aggregation"));
  model.hetero_conv_aggregation = value_of(kAggregations, json.at("hetero_conv_aggregation"));
  model.gnn_norm = value_of(kNorms, json.at("gnn_norm"));
  model.head_layers = whole(json.at("head_layers"), 1, kMaxLayers);
  model.head_norm = value_of(kNorms, json.at("head_norm"));
  model.use_temporal_encoder = json.at("use_temporal_encoder");
  model.shallow_embeddings = json.at("shallow_embeddings").get<std::vector<std::string>>();
  // Absent from models that are older than the option.
  if (json.contains("precision")) model.precision = value_of(kPrecisions, json["precision"]);
  if (json.contains("id_awareness")) model.id_awareness = json["id_awareness"];
  if (json.contains("link_fusion")) model.link_fusion = json["link_fusion"];
  return model;
}

Json config_json(const TrainConfig& config) {
  return {{"seed", config.seed},
          {"n_epochs", config.n_epochs},
          {"max_iters", optional_json(config.max_iters)},
          {"train_batch_size", config.train_batch_size},
          {"val_batch_size", config.val_batch_size},
          {"eval_every", config.eval_every},
          {"patience", optional_json(config.patience)},
          {"lr", config.lr},
          {"weight_decay", config.weight_decay},
          {"lr_schedule", name_of(kSchedules, config.lr_schedule)},
          {"t_max", optional_json(config.t_max)},
          {"eta_min", config.eta_min},
          {"label_smoothing", config.label_smoothing},
          {"label_smoothing_alpha", config.label_smoothing_alpha},
          {"clamp",
           {{"minimum", optional_json(config.clamp.minimum)},
            {"maximum", optional_json(config.clamp.maximum)},
            {"user_set", config.clamp.user_set},
            {"use_percentiles", config.clamp.use_percentiles}}},
          {"num_negative", config.num_negative},
          {"negative_sampling", name_of(kNegativeSamplings, config.negative_sampling)},
          {"model", model_config_json(config.model)},
          {"sampler",
           {{"fanouts", config.sampler.fanouts},
            {"strategy", name_of(kStrategies, config.sampler.strategy)},
            {"current_time", config.sampler.current_time},
            {"bidirectional", config.sampler.bidirectional}}}};
}

TrainConfig config_of(const Json& json) {
  TrainConfig config;
  if (!json.at("seed").is_number_integer()) throw Damaged{"a seed that is no whole number"};
  config.seed = json.at("seed");
  config.n_epochs = whole(json.at("n_epochs"));
  config.max_iters = optional_of<int64_t>(json.at("max_iters"));
  config.train_batch_size = whole(json.at("train_batch_size"), 1, kMaxBatchRows);
  config.val_batch_size = whole(json.at("val_batch_size"), 1, kMaxBatchRows);
  config.eval_every = whole(json.at("eval_every"));
  config.patience = optional_of<int64_t>(json.at("patience"));
  config.lr = json.at("lr");
  config.weight_decay = json.at("weight_decay");
  config.lr_schedule = value_of(kSchedules, json.at("lr_schedule"));
  config.t_max = optional_of<int64_t>(json.at("t_max"));
  config.eta_min = json.at("eta_min");
  config.label_smoothing = json.at("label_smoothing");
  config.label_smoothing_alpha = json.at("label_smoothing_alpha");
  const Json &clamp = json.at("clamp"), &sampler = json.at("sampler");
  config.clamp.minimum = optional_of<double>(clamp.at("minimum"));
  config.clamp.maximum = optional_of<double>(clamp.at("maximum"));
  config.clamp.user_set = clamp.at("user_set");
  config.clamp.use_percentiles = clamp.at("use_percentiles");
  if (json.contains("num_negative")) {
    config.num_negative = whole(json["num_negative"], 1, kMaxNegatives);
    config.negative_sampling = value_of(kNegativeSamplings, json.at("negative_sampling"));
  }
  config.model = model_config_of(json.at("model"));
  config.sampler.fanouts.clear();
  for (const Json& fanout : sampler.at("fanouts"))
    config.sampler.fanouts.push_back(whole(fanout, 0, kMaxFanout));
  config.sampler.strategy = value_of(kStrategies, sampler.at("strategy"));
  config.sampler.current_time = sampler.at("current_time");
  config.sampler.bidirectional = sampler.value("bidirectional", false);
  return config;
}

TrainedModel model_of(const Json& json) {
  TrainedModel trained;
  trained.task = task_of(json.at("task"));
  trained.encoding = encoding_of(json.at("labels"), trained.task.type);
  trained.config = config_of(json.at("config"));
  for (const Json& table : json.at("tables")) trained.tables.push_back(table_of(table));
  ModelDefinition& definition = trained.definition;
  definition.graph = graph_of(json.at("graph"));
  for (const Json& table : json.at("statistics")) definition.statistics.push_back(statistics_of(table));
  definition.entity_type = node_type_of(json.at("entity_type"), definition.graph.node_types.size());
  definition.target_type =
      is_link(trained.task.type) ? target_type_of(trained.task, definition.graph) : definition.entity_type;
  set_task(trained.task, trained.encoding, trained.config.model, definition);
  trained.bounds.minimum = optional_of<double>(json.at("bounds").at("minimum"));
  trained.bounds.maximum = optional_of<double>(json.at("bounds").at("maximum"));
  trained.last_training_time_us = optional_of<int64_t>(json.at("last_training_time_us"));
  trained.best_epoch = optional_of<int64_t>(json.at("best_epoch"));
  trained.metric = json.at("metric");
  for (const Json& metric : json.at("validation_metrics"))
    trained.validation_metrics.push_back({metric.at("name"), metric_of(metric.at("value"))});
  return trained;
}

}  // namespace

std::string describe_model(const TrainedModel& trained) {
  Json out = {{"task", task_json(trained.task)},
              {"labels", encoding_json(trained.encoding)},
              {"config", config_json(trained.config)},
              {"graph", graph_json(trained.definition.graph, trained.config.model.shallow_embeddings)},
              {"entity_type", trained.definition.entity_type.value},
              {"tables", Json::array()},
              {"statistics", Json::array()},
              {"bounds",
               {{"minimum", optional_json(trained.bounds.minimum)},
                {"maximum", optional_json(trained.bounds.maximum)}}},
              {"last_training_time_us", optional_json(trained.last_training_time_us)},
              {"best_epoch", optional_json(trained.best_epoch)},
              {"metric", trained.metric},
              {"validation_metrics", Json::array()}};
  for (const TableSignature& table : trained.tables) out["tables"].push_back(table_json(table));
  for (const TableStatistics& table : trained.definition.statistics)
    out["statistics"].push_back(statistics_json(table));
  for (const MetricValue& metric : trained.validation_metrics)
    out["validation_metrics"].push_back({{"name", metric.name}, {"value", metric_json(metric.value)}});
  return out.dump();
}

std::string describe_task(const TaskSpec& task) { return task_json(task).dump(); }

std::string describe_config(const TrainConfig& config) { return config_json(config).dump(); }

TrainedModel parse_description(const std::string& text, const std::string& name) {
  std::string what;
  try {
    TrainedModel trained = model_of(Json::parse(text));
    what = contradiction(trained);
    if (what.empty()) return trained;
  } catch (const Json::exception& error) {
    what = error.what();
  } catch (const Damaged& damaged) {
    what = damaged.what;
  }
  fail(ErrorCode::kIo, "the description in the model file '{}' is damaged: {}", name, what);
}

}  // namespace rle
