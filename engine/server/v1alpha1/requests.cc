#include "server/v1alpha1/requests.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "job/job_spec.h"
#include "server/v1alpha1/configuration.h"
#include "server/v1alpha1/payload.h"

namespace rle::v1alpha1 {
namespace {

// Checks the form and the ranges of a specification; reads nothing. Problem 422 with the engine's own words.
void check_form(const Json& specification) {
  try {
    parse_job_spec(specification.dump(), SpecFormat::kJson, "/", {});
  } catch (const Error& error) {
    throw Problem(422, "invalid-specification", error.what());
  }
}

// A configuration is checked beside the smallest dataset that there is.
Json smallest_specification() {
  return {{"dataset", "check"},
          {"tables",
           {{"events", {{"source", "/events.parquet"}, {"primary_key", "id"}, {"time_column", "time"}}}}}};
}

bool is_labelled(const Json& specification) { return specification.at("task").contains("target"); }

std::string export_path(const Json& output) {
  return output.contains("table") && !output["table"].is_null()
             ? output["path"].get<std::string>() + "::" + output["table"].get<std::string>()
             : output.value("path", "");
}

// "error" of a job: its detail, with the words by which clients know an exhausted memory.
Json error_text(const Json& error) {
  if (error.is_null()) return nullptr;
  std::string text = error.value("detail", "");
  const std::string type = error.value("type", "");
  if (type.ends_with(":out-of-memory")) text += " (process exited with code -9)";
  if (error.contains("advice")) text += "; " + error["advice"].get<std::string>();
  return text;
}

}  // namespace

Json Requests::create(const std::string& job_id, const Json& body, const std::string& user) {
  const Json& payload = payload_of(body);
  const std::string type = require_text(payload, "payload", "payload_type");
  if (type == "FETCH_TABLE") return fetch_table(payload);
  if (type == "VALIDATE_CONFIG") return validate(payload);
  if (type == "JOB") return submit(job_id, payload, user);
  if (type == "ADD_INFERENCE_EXPORT") return with_inference_export(payload);
  if (type == "REQUEST_DATASET_CONFIG")
    return dataset_config(payload, &payload == &body ? Dialect::kKeyTypes : Dialect::kKeyLists);
  if (type == "REQUEST_JOB_STATUS") return status(payload);
  if (type == "REQUEST_MLFLOW_RUN_ID") return run_id(payload);
  if (type == "REQUEST_QUEUE_STATUS") return queue();
  // Logs are kept for every job, and MLflow's need no watching: nothing is left to do.
  if (type == "SEND_LOGS" || type == "MONITOR_MLFLOW_LOGS") return Json::object();
  constexpr std::array kLater{"REGISTER_MODEL",          "REQUEST_LIST_MODELS", "LIST_REGISTERED_MODELS",
                              "DELETE_REGISTERED_MODEL", "DELETE_MODEL",        "DELETE_EXPERIMENT"};
  for (const char* later : kLater)
    if (type == later) unsupported(type, "(registered models and experiments are not built yet)");
  if (type == "CHECK_EXPERIMENT_PERMISSIONS")
    unsupported(type, "(grants are Snowflake's; this host reads files and DuckDB)");
  unsupported("payload_type", "\"" + type + "\"");
}

Json Requests::fetch_table(const Json& payload) {
  const Json described = host_.describe({{"source", require_text(payload, "payload", "source")}});
  Json data{{"columns", Json::array()}, {"dtypes", Json::object()}};
  for (const Json& column : described.at("columns")) {
    data["columns"].push_back(column.at("name"));
    data["dtypes"][column.at("name").get<std::string>()] = fetched_dtype(column);
  }
  return data;
}

Json Requests::validate(const Json& payload) {
  const Json& config = require(payload, "payload", "config");
  const std::string type = require_text(payload, "payload", "type");
  Json specification = smallest_specification();
  if (type == "model_config") {
    specification["config"] = config_of(config);
    // What a task decides is checked with the job.
    specification["config"].erase("shallow_embeddings_list");
  } else if (type == "dataset_config") {
    specification = specification_of(config);
    if (!is_labelled(specification)) specification.erase("task");
  } else {
    unsupported("type", "\"" + type + "\"; expected model_config or dataset_config");
  }
  check_form(specification);
  return {{"valid", true}};
}

Json Requests::training_request(const std::string& run_id) {
  Json job = host_.job(run_id);
  if (job.at("kind") != "predict") return host_.job_request(run_id);
  return host_.job_request(job.at("model_run_id"));
}

Json Requests::submit(const std::string& job_id, const Json& payload, const std::string& user) {
  const Json& metadata = require(payload, "payload", "dataset_metadata");
  const Json& configuration = require(payload, "payload", "model_configuration");
  const std::string type = require_text(payload, "payload", "job_type");
  constexpr std::array kKinds{std::pair("train", "fit"), std::pair("inference", "predict"),
                              std::pair("train_inference", "fit_predict")};
  Json request;
  for (const auto& [theirs, ours] : kKinds)
    if (type == theirs) request["kind"] = ours;
  if (request.is_null()) refuse("job_type", "\"" + type + "\"; expected train, inference or train_inference");
  request["experiment_name"] = metadata.at("connector").value("experiment_name", "");
  request["spec"] = specification_of(metadata);
  Json& specification = request["spec"];
  Inference inference = inference_of(configuration);
  if (request["kind"] == "predict") {
    if (inference.model.is_null())
      throw Problem(422, "invalid-request", "missing required model_run_id", "model_run_id");
    request["model"] = inference.model;
  }
  specification["config"] = config_of(configuration, specification);
  if (request["kind"] != "fit") {
    if (inference.output.is_null())
      throw Problem(422, "invalid-request",
                    "missing required output: give an output_config, OutputConfig.local(artifacts_dir=...)",
                    "output");
    request["output"] = inference.output;
    request["options"] = inference.options;
  }
  const Host::Created created = host_.create_job(request, user, "", job_id);
  return {{"job_id", created.job.at("id")}};
}

Json Requests::dataset_config(const Json& payload, Dialect dialect) {
  if (find(payload, "model_run_id") == nullptr)
    unsupported("REQUEST_DATASET_CONFIG",
                "without model_run_id (registered models and experiments are not built yet)");
  const std::string run = require_text(payload, "payload", "model_run_id");
  const Json request = training_request(run);
  const DescribeSource describe = [this](const std::string& source) {
    return host_.describe({{"source", source}});
  };
  return metadata_of(request.at("spec"), dialect, "parquet", request.value("experiment_name", ""), describe);
}

Json Requests::status(const Json& payload) {
  return job_result(host_.job(require_text(payload, "payload", "job_id")));
}

Json Requests::run_id(const Json& payload) {
  const std::string id = require_text(payload, "payload", "job_id");
  const Json job = host_.job(id);
  if (const Json* run = find(job, "model_run_id"); run != nullptr && job.at("state") == "COMPLETED")
    return *run;
  throw Problem(
      404, "not-found",
      fmt::format("model run id of job {} not found: the job is {}", id, job.at("state").get<std::string>()));
}

Json Requests::queue() {
  Json jobs = Json::array();
  for (const JobState state : {JobState::kRunning, JobState::kQueued}) {
    JobFilter filter;
    filter.state = state;
    filter.limit = 1000;
    for (const Json& job : host_.jobs(filter).jobs) jobs.push_back(job_result(job));
  }
  return {{"jobs", jobs}};
}

Json Requests::cancel(const std::string& job_id) { return job_result(host_.cancel_job(job_id)); }

Json job_result(const Json& job) {
  const std::string kind = job.at("kind");
  Json result{{"job_id", job.at("id")}, {"status", job.at("state")}};
  for (const char* key : {"started_at", "finished_at", "updated_at", "experiment_name"})
    result[key] = job.at(key);
  result["job_type"] = kind == "fit" ? "train" : kind == "predict" ? "inference" : "train_inference";
  result["model_run_id"] = job.at("model_run_id");
  result["result"] = job.at("result");
  result["export_paths"] = nullptr;
  for (const Json& output : job.at("outputs")) {
    Json& paths = result["export_paths"];
    if (output.value("role", "") == "predictions") paths["predictions"] = export_path(output);
    if (output.value("role", "") == "embeddings")
      paths["embeddings"][output.value("column", "")] = export_path(output);
  }
  result["error"] = error_text(job.at("error"));
  return result;
}

}  // namespace rle::v1alpha1
