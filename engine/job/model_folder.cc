#include "job/model_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "job/scores.h"

namespace rle {
namespace fs = std::filesystem;

namespace {

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

// The closest folder above `path` that is there.
fs::path existing_ancestor(fs::path path) {
  path = fs::absolute(path).lexically_normal();
  while (!is_there(path) && path.has_parent_path() && path != path.parent_path()) path = path.parent_path();
  return path;
}

}  // namespace

void check_new_model_folder(const fs::path& folder) {
  if (folder.empty()) fail(ErrorCode::kSpec, "--model is empty; name the folder that the model goes to");
  if (is_there(folder / kCheckpointFile))
    fail(ErrorCode::kSpec,
         "--model {}: the folder holds a model already ({}); name another folder, or remove it first",
         folder.string(), kCheckpointFile);
  const fs::path ancestor = existing_ancestor(folder);
  std::error_code ignored;
  if (!fs::is_directory(ancestor, ignored))
    fail(ErrorCode::kSpec, "--model {}: {} is a file, so no folder can be there; name another folder",
         folder.string(), ancestor.string());
  if (access(ancestor.c_str(), W_OK) != 0)
    fail(ErrorCode::kIo, "--model {}: {} cannot be written to: {}", folder.string(), ancestor.string(),
         std::strerror(errno));
}

TrainedModel open_model(const fs::path& folder) {
  if (is_there(folder) && !fs::is_directory(folder))
    fail(ErrorCode::kSpec, "--model {}: a file; name the folder that `rle fit SPEC --model DIR` made",
         folder.string());
  if (!is_there(folder / kCheckpointFile))
    fail(ErrorCode::kSpec,
         "--model {}: no model is there (no file {}); train one with `rle fit SPEC --model {}`",
         folder.string(), kCheckpointFile, folder.string());
  return load_model(folder);
}

void check_same_task(const TaskSpec& trained, const JobSpec& spec) {
  if (!spec.task)
    fail(ErrorCode::kSpec, "the specification has no task; the model was trained for '{}'", trained.name);
  std::string differences;
  const auto compare = [&](const char* what, std::string_view then, std::string_view now) {
    if (then == now) return;
    differences += fmt::format("{}{} is '{}' and was '{}'", differences.empty() ? "" : ", ", what, now, then);
  };
  const TaskSpec& task = *spec.task;
  compare("type", to_string(trained.type), to_string(task.type));
  compare("entity", fmt::format("{}.{}", trained.entity_table, trained.entity_key),
          fmt::format("{}.{}", task.entity_table, task.entity_key));
  compare("target", trained.target_column, task.target_column);
  compare("current_time", trained.current_time ? "true" : "false", task.current_time ? "true" : "false");
  const bool timed = trained.time_column.has_value();
  compare("time_column", timed ? "set" : "absent", task.time_column ? "set" : "absent");
  if (!differences.empty())
    fail(ErrorCode::kSpec,
         "the model was trained for another task ('{}'): {}; use its specification, or train anew",
         trained.name, differences);
}

MetricsLog::MetricsLog(const fs::path& folder) : path_(folder / kMetricsFile) {
  std::error_code error;
  made_folder_ = fs::create_directories(folder, error);
  if (error)
    fail(ErrorCode::kIo, "--model {}: the folder cannot be made: {}", folder.string(), error.message());
  file_.reset(std::fopen(path_.c_str(), "wb"));
  if (!file_) fail(ErrorCode::kIo, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
}

MetricsLog::~MetricsLog() {
  file_.reset();
  if (written_) return;
  std::error_code ignored;
  fs::remove(path_, ignored);
  if (made_folder_) fs::remove(path_.parent_path(), ignored);  // fails, as it should, where it holds anything
}

void MetricsLog::write(const nlohmann::ordered_json& line) {
  const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  written_ = true;
  if (std::fprintf(file_.get(), "%s\n", text.c_str()) < 0 || std::fflush(file_.get()) != 0)
    fail(ErrorCode::kIo, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
}

void MetricsLog::epoch(const EpochRecord& record) {
  nlohmann::ordered_json line{{"epoch", record.epoch},
                              {"lr", record.lr},
                              {"loss", record.mean_loss},
                              {"seconds", record.seconds},
                              {"seeds_per_second", record.seeds_per_second}};
  if (!record.validation.empty()) {
    line["validation"] = metrics_json(record.validation);
    line["best"] = record.best;
  }
  write(line);
}

}  // namespace rle
