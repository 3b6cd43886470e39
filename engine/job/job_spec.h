// The typed specification of a job: what a file, the command line's --set, an HTTP request and the SDK all
// become. docs/spec.md is its reference, schema/job.schema.json describes the same form; tests hold the two
// together.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/report.h"
#include "job/spec_tree.h"
#include "table/schema.h"
#include "task/task.h"
#include "train/config.h"

namespace rle {

enum class Preset { kSdk, kRelbench };

// What a run is asked to compute on. This build has no GPU part: kCuda runs on the CPU, with one warning.
enum class Device { kCpu, kCuda };

struct OutputSpec {
  std::optional<std::string> database;  // a .duckdb file for output tables
  std::optional<std::string> table;     // or a .parquet / .csv path
  bool flatten = false;                 // one prob_<class> column a class; of links, one row a pair
};

// When a training's state is kept for `rle fit --resume`: whichever comes first; 0: never for that reason.
struct CheckpointSchedule {
  int64_t every_steps = 0;
  double every_seconds = 60;

  bool off() const { return every_steps == 0 && every_seconds == 0; }
};

struct JobSpec {
  std::string dataset_name;
  std::filesystem::path base_folder;  // relative paths are relative to the specification's folder
  std::vector<TableSchema> tables;    // sources as SourceReader takes them: data.source is already in them
  std::optional<TaskSpec> task;       // absent: inspect only; sources as above
  Preset preset = Preset::kSdk;
  TrainConfig train;
  bool precision_is_set = false;  // else evaluate and predict take the model's
  std::optional<int64_t>
      visible_until_us;          // history up to this time only: later rows of every table are not visible
  int threads = 0;               // 0: all CPUs
  std::optional<Device> device;  // absent: the best there is
  std::optional<int64_t>
      score_batch_size;  // of evaluate and predict; absent: the model's. No result depends on it
  InferenceMode inference =
      InferenceMode::kSampled;  // of evaluate, predict, and what fit tells of the finished model
  CheckpointSchedule checkpoint;
  std::optional<std::filesystem::path> snapshot_folder;  // of tables and graph; absent: none
  std::optional<int64_t> memory_limit_bytes;
  OutputSpec output;
  std::vector<std::string> warnings;  // what is accepted, and a person should know before training

  const TableSchema* find_table(std::string_view name) const;  // nullptr where absent
  std::vector<std::string> table_names() const;
};

// The one line of a run that is asked for a device it does not have; returns what is used: "cpu".
std::string_view tell_device(std::optional<Device> device, Report& report);
std::string_view to_string(Device device);

// Whether predictions have lists, of probabilities (one a class) or of links; true without a task.
bool predicts_lists(const JobSpec& spec);

// Reads YAML, or JSON where the file's name ends in .json. overrides: "config.lr=0.01" as given with --set,
// applied before validation. Error{kSpec}: no such file, not YAML, unknown key (nearest offered), wrong type
// or range (path of the key named).
JobSpec load_job_spec(const std::filesystem::path& file, const std::vector<std::string>& overrides);
JobSpec read_job_spec(const SpecNode& tree, const std::filesystem::path& base_folder);
JobSpec parse_job_spec(std::string_view text, SpecFormat format, const std::filesystem::path& base_folder,
                       const std::vector<std::string>& overrides);

}  // namespace rle
