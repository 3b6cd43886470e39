#include "server/v1alpha1/configuration.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/error.h"
#include "server/v1alpha1/payload.h"

namespace rle::v1alpha1 {
namespace {

// A group of parameters: {"name": ..., "parameters": {...}}.
Json parameters_of(const Json& configuration, const std::string& group,
                   std::initializer_list<const char*> names) {
  const Json* found = find(configuration, group);
  if (found == nullptr) return Json::object();
  check_members(*found, group, {"name", "parameters"});
  if (const Json* name = find(*found, "name"))
    if (std::none_of(names.begin(), names.end(), [&](const char* known) { return *name == known; }))
      unsupported(group + ".name", name->dump());
  const Json* parameters = find(*found, "parameters");
  return parameters == nullptr ? Json::object() : *parameters;
}

// Copies a parameter under our name where it was sent.
void take(Json& config, const char* ours, const Json& parameters, const char* theirs) {
  if (const Json* value = find(parameters, theirs)) config[ours] = *value;
}

// A constant of all clients: anything else is something the engine does not compute.
void expect(const Json& parameters, const std::string& group, const char* key, const Json& value) {
  const Json* found = find(parameters, key);
  if (found != nullptr && *found != value)
    unsupported(group + ".parameters." + key, fmt::format("{}; only {} is", found->dump(), value.dump()));
}

void read_training(const Json& configuration, Json& config) {
  const Json* found = find(configuration, "training_parameters");
  if (found == nullptr) return;
  const Json& training = *found;
  check_members(
      training, "training_parameters",
      {"n_epochs", "max_iters", "train_batch_size", "val_batch_size", "eval_every", "patience",
       "label_smoothing", "label_smoothing_alpha", "id_awareness", "use_temporal_encoder", "num_negative",
       "negative_sampling_strategy", "seed", "device", "shallow_embeddings_list", "clamp_min", "clamp_max"});
  for (const char* key : {"n_epochs", "train_batch_size", "val_batch_size", "eval_every", "patience",
                          "label_smoothing", "id_awareness", "use_temporal_encoder", "num_negative",
                          "negative_sampling_strategy", "seed", "device", "shallow_embeddings_list"})
    take(config, key, training, key);
  // Clients send the largest int64 for "no limit".
  if (const Json* iterations = find(training, "max_iters"))
    if (!(iterations->is_number_integer() &&
          iterations->get<int64_t>() == std::numeric_limits<int64_t>::max()))
      config["max_iters"] = *iterations;
  // Sent always; it means something beside label_smoothing only.
  if (config.value("label_smoothing", Json(false)) == true)
    take(config, "label_smoothing_alpha", training, "label_smoothing_alpha");
}

void read_optimizer(const Json& configuration, Json& config) {
  const Json adam = parameters_of(configuration, "optimizer", {"adam"});
  check_members(adam, "optimizer.parameters", {"lr", "weight_decay"});
  take(config, "lr", adam, "lr");
  take(config, "weight_decay", adam, "weight_decay");
  const Json cosine = parameters_of(configuration, "scheduler", {"cosine"});
  check_members(cosine, "scheduler.parameters", {"T_max", "eta_min"});
  take(config, "T_max", cosine, "T_max");
  take(config, "eta_min", cosine, "eta_min");
  const Json sampler =
      parameters_of(configuration, "sampler", {"pyg_neighbor_sampling", "neighbor_sampling"});
  check_members(sampler, "sampler.parameters", {"fanouts", "temporal_strategy", "num_workers"});
  take(config, "fanouts", sampler, "fanouts");
  take(config, "temporal_strategy", sampler, "temporal_strategy");
}

void expect_channels(const Json& parameters, const std::string& group, const char* key, const Json& config) {
  if (config.contains("channels")) expect(parameters, group, key, config["channels"]);
}

void read_model(const Json& configuration, Json& config) {
  const Json gnn = parameters_of(configuration, "gnn", {"hetero_graph_sage"});
  check_members(gnn, "gnn.parameters",
                {"channels", "num_layers", "conv_aggregation", "hetero_conv_aggregation", "skip_connection",
                 "skip_connection_before_norm", "normalize", "norm"});
  take(config, "channels", gnn, "channels");
  take(config, "gnn_layers", gnn, "num_layers");
  take(config, "conv_aggregation", gnn, "conv_aggregation");
  take(config, "hetero_conv_aggregation", gnn, "hetero_conv_aggregation");
  take(config, "gnn_norm", gnn, "norm");
  for (const char* key : {"skip_connection", "skip_connection_before_norm", "normalize"})
    expect(gnn, "gnn", key, false);

  const Json encoder = parameters_of(configuration, "feature_encoder", {"hetero_encoder"});
  check_members(encoder, "feature_encoder.parameters", {"channels", "num_layers", "stype_encoders"});
  take(config, "encoder_blocks", encoder, "num_layers");
  expect_channels(encoder, "feature_encoder", "channels", config);

  const Json temporal = parameters_of(configuration, "temporal_encoder", {"temporal_encoder"});
  check_members(temporal, "temporal_encoder.parameters", {"channels", "encoding_type"});
  expect_channels(temporal, "temporal_encoder", "channels", config);
  expect(temporal, "temporal_encoder", "encoding_type", "Positional");

  const Json head = parameters_of(configuration, "head", {"MLP"});
  check_members(head, "head.parameters", {"num_layers", "in_channels", "hidden_channels", "norm"});
  take(config, "head_layers", head, "num_layers");
  take(config, "head_norm", head, "norm");
  expect_channels(head, "head", "in_channels", config);
  expect_channels(head, "head", "hidden_channels", config);
}

// The embedder's name is always sent, so it says nothing (docs/wire.md): it counts as not given.
void check_features(const Json& configuration) {
  const Json extractor = parameters_of(configuration, "feature_extractor", {"torch_frame"});
  check_members(extractor, "feature_extractor.parameters", {"materialize", "text_embedder"});
  expect(extractor, "feature_extractor", "materialize", false);
}

}  // namespace

Json config_of(const Json& configuration) {
  check_members(
      configuration, "model_configuration",
      {"training_parameters", "experiment", "optimizer", "scheduler", "sampler", "feature_extractor",
       "feature_encoder", "temporal_encoder", "gnn", "head", "inference", "export"});
  Json config = Json::object();
  read_training(configuration, config);
  read_optimizer(configuration, config);
  read_model(configuration, config);
  check_features(configuration);
  return config;
}

Json config_of(const Json& configuration, const Json& specification) {
  Json config = config_of(configuration);
  const Json& task = specification.at("task");
  // What clients send whatever the task is, and our specification refuses where it means nothing.
  if (!task.contains("time_column")) config["use_temporal_encoder"] = false;
  if (task.value("type", "") == "regression") config["clamp_min"] = config["clamp_max"] = nullptr;
  return config;
}

Json with_inference_export(const Json& payload) {
  check_members(payload, "payload",
                {"payload_type", "config", "test_batch_size", "model_selection_strategy", "model_run_id",
                 "registered_model_name", "registered_model_key", "version", "extract_embeddings",
                 "flatten_output", "compute_test_metrics", "output_alias", "database_name", "schema_name",
                 "artifacts_dir", "extension", "evaluation_metric"});
  Json config = require(payload, "payload", "config");
  config.erase("inference");
  config.erase("export");
  for (const char* key :
       {"test_batch_size", "model_selection_strategy", "model_run_id", "registered_model_name",
        "registered_model_key", "version", "extract_embeddings", "compute_test_metrics", "evaluation_metric"})
    if (const Json* value = find(payload, key)) config["inference"][key] = *value;
  for (const char* key :
       {"output_alias", "database_name", "schema_name", "artifacts_dir", "extension", "flatten_output"})
    if (const Json* value = find(payload, key)) config["export"][key] = *value;
  inference_of(config);  // refuses now what would be refused with the job
  return config;
}

Inference inference_of(const Json& configuration) {
  Inference out;
  out.options = Json::object();
  if (const Json* inference = find(configuration, "inference")) {
    const std::string strategy = inference->value("model_selection_strategy", "current");
    if (strategy == "registered" || strategy == "best")
      unsupported("model_selection_strategy", "\"" + strategy + "\": registered models are not built yet");
    if (strategy != "custom_run" && strategy != "current")
      refuse("model_selection_strategy", "\"" + strategy + "\"; expected custom_run or current");
    // Older clients name a run beside "current".
    if (strategy == "custom_run" || find(*inference, "model_run_id") != nullptr)
      out.model = {{"run_id", require_text(*inference, "inference", "model_run_id")}};
    for (const auto& [ours, theirs] :
         {std::pair("batch_size", "test_batch_size"), std::pair("extract_embeddings", "extract_embeddings"),
          std::pair("compute_test_metrics", "compute_test_metrics")})
      take(out.options, ours, *inference, theirs);
  }
  const Json* target = find(configuration, "export");
  if (target == nullptr) return out;
  if (find(*target, "database_name") != nullptr)
    unsupported("database_name", "output tables in Snowflake are not built yet");
  if (find(*target, "artifacts_dir") == nullptr) return out;
  out.output = {{"kind", "files"},
                {"folder", require_text(*target, "export", "artifacts_dir")},
                {"extension", target->value("extension", "parquet")},
                {"alias", require_text(*target, "export", "output_alias")}};
  if (target->value("flatten_output", Json(false)) == true) out.output["flatten"] = true;
  if (out.output["extension"] == "pkl")
    unsupported("extension", "pkl: a pickle runs code when it is read; take parquet or csv");
  return out;
}

}  // namespace rle::v1alpha1
