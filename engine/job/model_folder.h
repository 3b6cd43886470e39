// The folder of a model: model.safetensors and, beside it, metrics.jsonl with a line an epoch; while a run is
// not finished also what resume_folder.h describes.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/file.h"
#include "job/job_spec.h"
#include "train/checkpoint.h"
#include "train/fit.h"

namespace rle {

inline constexpr const char* kMetricsFile = "metrics.jsonl";

// Whether a training can go there; makes nothing. A new one: Error{kSpec} where the folder holds a model, a
// run that did not finish, or another run's metrics. resume: Error{kSpec} where it holds a finished run, or
// metrics and nothing to go on from; a folder that is not there yet, or empty, is fine. Both: Error{kSpec}
// where it is a file, Error{kIo} without permission.
void check_model_folder(const std::filesystem::path& folder, bool resume);

// The folder while a training works in it: made where it was missing, and locked. Owned by one fit.
// Error{kIo}: it can't be made, another training works in it.
class ModelFolder {
 public:
  explicit ModelFolder(const std::filesystem::path& folder);
  // Where it was made and nothing is in it, it goes again.
  ~ModelFolder();
  ModelFolder(const ModelFolder&) = delete;
  ModelFolder& operator=(const ModelFolder&) = delete;

 private:
  std::filesystem::path path_;
  bool made_ = false;
  Descriptor lock_;
};

// Error{kSpec} where no model is in the folder; else as load_model.
TrainedModel open_model(const std::filesystem::path& folder);

// Error{kSpec} listing what differs between the task that the model was trained for and the specification's.
void check_same_task(const TaskSpec& trained, const JobSpec& spec);

// Writes metrics.jsonl, each line as it comes. Owned by one fit; one thread. Error{kIo} where the disk takes
// no more.
class MetricsLog {
 public:
  // Makes the file anew in a folder that is there, with the epochs that a resumed run has behind it.
  MetricsLog(const std::filesystem::path& folder, const std::vector<EpochRecord>& epochs);
  // Where nothing was written, the file goes again.
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
  bool written_ = false;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace rle
