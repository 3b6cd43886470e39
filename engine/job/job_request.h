// What one child process of the engine host is to do: the document that it reads from its standard input
// (docs/host.md tells the parts that a user writes). The host builds it; both sides read it here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/writer.h"
#include "job/job_spec.h"

namespace rle {

enum class JobAction {
  kFit,
  kPredict,
  kFitPredict,
  kCheck,     // what specification and schemas tell about a job of `kind`
  kSettle,    // after an attempt of `kind` was killed: is its output committed? What is left of it goes
  kDescribe,  // the columns of a source
  kExport,    // the rows of an output of a job, into a file
};
std::string_view to_string(JobAction action);

struct JobOptions {
  std::optional<int64_t> batch_size;  // of predictions; no result depends on it
  bool compute_test_metrics = false, overwrite = false;
  bool align_dtypes = false;  // dtypes that are declared otherwise than the model's are the model's
  bool extract_embeddings = false;
};

// Where predictions go, as a request says it. flatten: one column a class.
struct JobOutput {
  OutputTarget target;
  bool flatten = false;
};

struct JobRequest {
  std::string job;
  int64_t attempt = 1;
  JobAction action = JobAction::kFit, kind = JobAction::kFit;  // kind: action itself, or what it is about
  nlohmann::ordered_json spec;                                 // docs/spec.md
  std::filesystem::path base_folder;                           // of relative sources
  std::vector<std::filesystem::path> data_roots;  // sources and outputs lie in them; empty: anywhere
  std::filesystem::path job_folder;               // what the job writes for itself
  std::filesystem::path model_folder;             // kPredict: the model's
  std::optional<JobOutput> output;
  JobOptions options;
  int threads = 0;  // 0: all CPUs
  std::optional<int64_t> memory_limit_bytes;
  std::string engine_device = "cpu";
  nlohmann::ordered_json secrets;
  std::string source, data_source;  // kDescribe
  nlohmann::ordered_json exported;  // kExport; as the job tells of the output
  std::filesystem::path file;       // kExport; .parquet or .csv
};

// Error{kSpec} with the field that is wrong.
JobRequest parse_job_request(std::string_view document);

// The field of errors about an output that is there already.
inline constexpr const char* kTakenOutput = "output.alias";

// "folder/PREDICTIONS_<ALIAS>.parquet", or that table of a database. Relative paths are inside base_folder.
// Error{kSpec} with a field below "output".
JobOutput read_job_output(const nlohmann::ordered_json& output, const std::filesystem::path& base_folder);
// All that such a job writes: the predictions, then embeddings where asked for.
std::vector<OutputTarget> output_targets(const JobOutput& output, const TaskSpec& task,
                                         const JobOptions& options);
// Error{kSpec} with a field below "options".
JobOptions read_job_options(const nlohmann::ordered_json& options);
// Error{kSpec} with a field below "spec".
JobSpec read_request_spec(const nlohmann::ordered_json& spec, const std::filesystem::path& base_folder);

// Checks what a kind of job needs of its specification: task and splits. Error{kSpec} with the field.
void require_for(JobAction kind, const JobSpec& spec, const JobOptions& options);

}  // namespace rle
