// The folder of a model: model.safetensors and, beside it, metrics.jsonl with a line an epoch.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "job/job_spec.h"
#include "train/checkpoint.h"
#include "train/fit.h"

namespace rle {

inline constexpr const char* kMetricsFile = "metrics.jsonl";

// Whether a new model can go there; makes nothing. Error{kSpec}: it holds a model, it is a file. Error{kIo}:
// no permission.
void check_new_model_folder(const std::filesystem::path& folder);

// Error{kSpec} where no model is in the folder; else as load_model.
TrainedModel open_model(const std::filesystem::path& folder);

// Error{kSpec} listing what differs between the task that the model was trained for and the specification's.
void check_same_task(const TaskSpec& trained, const JobSpec& spec);

// Writes metrics.jsonl, each line as it comes. Owned by one fit; one thread. Error{kIo} where the disk takes
// no more.
class MetricsLog {
 public:
  // Makes the folder, and the file anew.
  explicit MetricsLog(const std::filesystem::path& folder);
  // Where nothing was written, the file goes again, and the folder if it was made and is empty.
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;
  void write(const nlohmann::ordered_json& line);
  void epoch(const EpochRecord& record);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::filesystem::path path_;
  bool made_folder_ = false, written_ = false;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace rle
