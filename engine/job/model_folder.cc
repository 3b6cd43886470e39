#include "job/model_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "job/resume_folder.h"
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

void check_model_folder(const fs::path& folder, bool resume) {
  if (folder.empty()) fail(ErrorCode::kSpec, "--model is empty; name the folder that the model goes to");
  const bool model = is_there(folder / kCheckpointFile), unfinished = ResumeFolder(folder).is_used();
  if (unfinished && !resume)
    fail(ErrorCode::kSpec,
         "--model {}: the folder holds a run that did not finish; go on with it by --resume, or name another "
         "folder, or remove this one",
         folder.string());
  if (model && !unfinished && resume)
    fail(ErrorCode::kSpec,
         "--resume: the run in {} is finished, its model is {}; use it with `rle evaluate` or `rle predict`, "
         "or name another folder for a new training",
         folder.string(), kCheckpointFile);
  if (model && !unfinished)
    fail(ErrorCode::kSpec,
         "--model {}: the folder holds a model already ({}); name another folder, or remove it first",
         folder.string(), kCheckpointFile);
  std::error_code ignored;
  if (!unfinished && fs::exists(folder / kMetricsFile) && fs::file_size(folder / kMetricsFile, ignored) > 0)
    fail(ErrorCode::kSpec,
         "--model {}: the folder holds the {} of a run that left neither a model nor checkpoints; name "
         "another folder, or remove that file",
         folder.string(), kMetricsFile);
  const fs::path ancestor = existing_ancestor(folder);
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
  if (is_link(trained.type) && is_link(task.type))
    compare("target_entity", fmt::format("{}.{}", trained.target_table, trained.target_key),
            fmt::format("{}.{}", task.target_table, task.target_key));
  compare("target", trained.target_column, task.target_column);
  compare("current_time", trained.current_time ? "true" : "false", task.current_time ? "true" : "false");
  const bool timed = trained.time_column.has_value();
  compare("time_column", timed ? "set" : "absent", task.time_column ? "set" : "absent");
  if (!differences.empty())
    fail(ErrorCode::kSpec,
         "the model was trained for another task ('{}'): {}; use its specification, or train anew",
         trained.name, differences);
}

ModelFolder::ModelFolder(const fs::path& folder) : path_(folder) {
  std::error_code error;
  made_ = fs::create_directories(folder, error);
  if (error)
    fail(ErrorCode::kIo, "--model {}: the folder cannot be made: {}", folder.string(), error.message());
  lock_.reset(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock_.get() < 0)
    fail(ErrorCode::kIo, "--model {}: the folder cannot be opened: {}", folder.string(),
         std::strerror(errno));
  // A file system without locks is no reason not to train.
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    fail(ErrorCode::kIo, "--model {}: another training works in this folder; wait for it, or name another",
         folder.string());
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->path().filename().string().starts_with(std::string(kCheckpointFile) + kTemporaryMark))
      fs::remove(it->path(), error);
}

ModelFolder::~ModelFolder() {
  std::error_code ignored;
  if (made_) fs::remove(path_, ignored);  // fails, as it should, where it holds anything
}

MetricsLog::MetricsLog(const fs::path& folder, const std::vector<EpochRecord>& epochs)
    : path_(folder / kMetricsFile), file_(std::fopen(path_.c_str(), "wb")) {
  if (!file_) fail(ErrorCode::kIo, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
  for (const EpochRecord& record : epochs) epoch(record);
}

MetricsLog::~MetricsLog() {
  file_.reset();
  std::error_code ignored;
  if (!written_) fs::remove(path_, ignored);
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
