#include "server/v1alpha1/configuration.h"

#include <gtest/gtest.h>

#include "job/job_spec.h"
#include "server/v1alpha1/payload.h"

namespace rle::v1alpha1 {
namespace {

// What TrainerConfig(device="cuda", n_epochs=3) of the public client sends.
Json configuration() {
  return Json::parse(R"({
    "training_parameters": {"n_epochs": 3, "max_iters": 9223372036854775807, "train_batch_size": 128,
      "val_batch_size": 128, "eval_every": 1, "patience": 5, "label_smoothing": false, "label_smoothing_alpha": 0.1,
      "id_awareness": false, "use_temporal_encoder": true, "num_negative": 10, "negative_sampling_strategy": "random",
      "seed": null, "device": "cpu", "shallow_embeddings_list": []},
    "experiment": {"database": "DB", "schema": "S"},
    "optimizer": {"name": "adam", "parameters": {"lr": 0.002, "weight_decay": 0.0001}},
    "scheduler": {"name": "cosine", "parameters": {"T_max": 3, "eta_min": 1e-8}},
    "sampler": {"name": "pyg_neighbor_sampling", "parameters": {"fanouts": [16, 8], "temporal_strategy": "last", "num_workers": 0}},
    "feature_extractor": {"name": "torch_frame", "parameters": {"materialize": false,
      "text_embedder": {"name": "bert-base-distill", "device": "cpu"}}},
    "feature_encoder": {"name": "hetero_encoder", "parameters": {"channels": 32, "num_layers": 2, "stype_encoders": {}}},
    "temporal_encoder": {"name": "temporal_encoder", "parameters": {"channels": 32, "encoding_type": "Positional"}},
    "gnn": {"name": "hetero_graph_sage", "parameters": {"channels": 32, "num_layers": 2, "conv_aggregation": "sum",
      "hetero_conv_aggregation": "mean", "skip_connection": false, "skip_connection_before_norm": false,
      "normalize": false, "norm": "batch_norm"}},
    "head": {"name": "MLP", "parameters": {"num_layers": 2, "in_channels": 32, "hidden_channels": 32, "norm": "layer_norm"}}})");
}

Json timed_specification() {
  return Json::parse(
      R"({"dataset": "d", "tables": {"t": {"source": "/t.parquet", "primary_key": "id", "time_column": "time"}},
    "task": {"name": "n", "type": "regression", "entity": "t.id", "target": "y", "time_column": "time",
             "train": "/a.parquet", "validation": "/b.parquet"}})");
}

std::string problem_of(const Json& sent) {
  try {
    config_of(sent);
  } catch (const Problem& problem) {
    return detail_of(problem);
  }
  return "";
}

TEST(V1alpha1Configuration, EveryParameterArrives) {
  Json spec = timed_specification();
  spec["config"] = config_of(configuration(), spec);
  EXPECT_FALSE(spec["config"].contains("max_iters")) << "the largest int64 means no limit";
  EXPECT_FALSE(spec["config"].contains("seed")) << "null: the default";
  EXPECT_TRUE(spec["config"]["clamp_min"].is_null()) << "these clients never ask for a clamp";
  const JobSpec parsed = parse_job_spec(spec.dump(), SpecFormat::kJson, "/", {});
  EXPECT_EQ(parsed.train.n_epochs, 3);
  EXPECT_EQ(parsed.train.sampler.fanouts, (std::vector<int64_t>{16, 8}));
}

TEST(V1alpha1Configuration, ATaskWithoutTimesIsNoObstacle) {
  Json spec = timed_specification();
  spec["tables"]["t"].erase("time_column");
  spec["task"].erase("time_column");
  Json sent = configuration();
  sent["sampler"]["parameters"]["temporal_strategy"] = "uniform";
  spec["config"] = config_of(sent, spec);
  EXPECT_NO_THROW(parse_job_spec(spec.dump(), SpecFormat::kJson, "/", {}));
}

TEST(V1alpha1Configuration, WhatTheEngineDoesNotComputeIsRefusedByName) {
  const auto with = [](const char* group, const char* key, Json value) {
    Json sent = configuration();
    sent[group]["parameters"][key] = std::move(value);
    return problem_of(sent);
  };
  EXPECT_NE(with("gnn", "skip_connection", true).find("unsupported: gnn.parameters.skip_connection"),
            std::string::npos);
  EXPECT_NE(with("head", "hidden_channels", 64).find("head.parameters.hidden_channels"), std::string::npos);
  EXPECT_NE(with("gnn", "conv_agregation", "sum").find("did you mean 'conv_aggregation'?"),
            std::string::npos);
  Json sent = configuration();
  sent["optimizer"]["name"] = "sgd";
  EXPECT_NE(problem_of(sent).find("unsupported: optimizer.name"), std::string::npos);
  EXPECT_EQ(problem_of(configuration()), "");
}

Json export_request() {
  Json payload{{"payload_type", "ADD_INFERENCE_EXPORT"},
               {"config", configuration()},
               {"test_batch_size", 64},
               {"model_selection_strategy", "custom_run"},
               {"model_run_id", "7c0f"},
               {"output_alias", "EXP"},
               {"artifacts_dir", "/out"},
               {"extension", "csv"},
               {"flatten_output", true},
               {"compute_test_metrics", true},
               {"extract_embeddings", false}};
  return payload;
}

TEST(V1alpha1Configuration, InferenceAndExportTravelInTheConfiguration) {
  const Json sent = with_inference_export(export_request());
  EXPECT_EQ(sent["experiment"], configuration()["experiment"]);
  EXPECT_EQ(config_of(sent), config_of(configuration()));
  const Inference inference = inference_of(sent);
  EXPECT_EQ(inference.model["run_id"], "7c0f");
  EXPECT_EQ(
      inference.output,
      Json::parse(
          R"({"kind": "files", "folder": "/out", "extension": "csv", "alias": "EXP", "flatten": true})"));
  EXPECT_EQ(inference.options["batch_size"], 64);
  EXPECT_EQ(inference.options["compute_test_metrics"], true);
  // A second export replaces the first.
  Json again = export_request();
  again["config"] = sent;
  again["output_alias"] = "OTHER";
  EXPECT_EQ(inference_of(with_inference_export(again)).output["alias"], "OTHER");
}

TEST(V1alpha1Configuration, ExportsThatAreNotBuiltAreRefusedAtOnce) {
  for (const auto& [key, value] : {std::pair("extension", "pkl"), std::pair("database_name", "DB"),
                                   std::pair("model_selection_strategy", "registered")}) {
    Json payload = export_request();
    payload[key] = value;
    try {
      with_inference_export(payload);
      ADD_FAILURE() << key;
    } catch (const Problem& problem) {
      EXPECT_NE(detail_of(problem).find("unsupported"), std::string::npos) << key;
    }
  }
}

}  // namespace
}  // namespace rle::v1alpha1
