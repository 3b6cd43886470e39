#include "job/resume_folder.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/checksum.h"
#include "base/error.h"
#include "base/file.h"
#include "kernel/isa.h"

namespace rle {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr const char *kRunFile = "run.json", *kStatePrefix = "step-";

std::string state_file(int64_t step) { return fmt::format("{}{}.safetensors", kStatePrefix, step); }
std::string manifest_file(int64_t step) { return fmt::format("{}{}.json", kStatePrefix, step); }

// The step of "step-12.json"; nullopt for any other name.
std::optional<int64_t> manifest_step(const std::string& name) {
  constexpr size_t kMostDigits = 18;
  const size_t begin = std::string_view(kStatePrefix).size(), end = name.find(".json");
  if (!name.starts_with(kStatePrefix) || end == std::string::npos || end + 5 != name.size() || end == begin ||
      end - begin > kMostDigits || name.find_first_not_of("0123456789", begin) != end)
    return std::nullopt;
  return std::stoll(name.substr(begin, end - begin));
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  return names;
}

// nullopt: absent, unreadable, no JSON object.
std::optional<Json> read_json(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const Json json = Json::parse(in, nullptr, false);
  return json.is_object() ? std::optional(json) : std::nullopt;
}

void write_json(const fs::path& path, const Json& json) {
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  DurableFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "; ") + line;
  return out;
}

// What a table's name and the split's name are called in a message about data.
std::string different_parts(const Json& then, const Json& now) {
  std::string out;
  for (const char* kind : {"tables", "labels"}) {
    if (!then.contains(kind) || !now.contains(kind)) continue;
    for (const auto& [name, value] : now[kind].items())
      if (!then[kind].contains(name) || then[kind][name] != value)
        out += fmt::format("{}{} '{}'", out.empty() ? "" : ", ",
                           std::string_view(kind) == "tables" ? "table" : "labels", name);
  }
  return out;
}

}  // namespace

ResumeFolder::ResumeFolder(const fs::path& model_folder) : path_(model_folder / kResumeFolder) {}

bool ResumeFolder::is_used() const {
  std::error_code ignored;
  return fs::exists(path_ / kRunFile, ignored) || !manifests().empty();
}

std::optional<Json> ResumeFolder::run_file() const {
  const std::optional<Json> run = read_json(path_ / kRunFile);
  const bool whole = run && run->contains("format") && (*run)["format"] == kFormat &&
                     run->contains("engine") && run->contains("isa") && run->contains("specification") &&
                     run->contains("data");
  return whole ? run : std::nullopt;
}

std::vector<int64_t> ResumeFolder::manifests() const {
  std::vector<int64_t> steps;
  for (const std::string& name : names_in(path_))
    if (const auto step = manifest_step(name)) steps.push_back(*step);
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

void ResumeFolder::require_same_specification(const Json& specification) const {
  const std::optional<Json> run = run_file();
  if (!run) return;
  if ((*run)["engine"] != RLE_VERSION)
    fail(ErrorCode::kSpec,
         "{} is of a run of version {}, and this is {}: it may not give the same model; go on with that "
         "version, or train anew in another folder",
         path_.string(), (*run)["engine"].dump(), RLE_VERSION);
  const std::vector<std::string> lines = json_differences((*run)["specification"], specification);
  if (!lines.empty())
    fail(
        ErrorCode::kSpec,
        "--resume: the run in {} had another specification: {}; set it back, or train anew in another folder",
        path_.string(), joined(lines));
}

void ResumeFolder::require_same_data(const Json& data) const {
  const std::optional<Json> run = run_file();
  if (!run || (*run)["data"] == data) return;
  fail(ErrorCode::kData,
       "--resume: the data are not those that the run in {} began with ({} changed): the model would be of "
       "neither; bring them back, or train anew in another folder",
       path_.string(), different_parts((*run)["data"], data));
}

FitState ResumeFolder::read(int64_t step, const std::string& run) const {
  const std::optional<Json> manifest = read_json(path_ / manifest_file(step));
  const auto damaged = [&](std::string_view what) { fail(ErrorCode::kIo, "{}", what); };
  for (const char* key : {"format", "run", "bytes", "checksum"})
    if (!manifest || !manifest->contains(key)) damaged("its manifest is damaged");
  if ((*manifest)["format"] != kFormat) damaged("its manifest has another format");
  if ((*manifest)["run"] != run) damaged("it is of another run");
  const FileChecksum found = checksum_file(path_ / state_file(step));
  if ((*manifest)["bytes"] != found.bytes)
    damaged(fmt::format("it has {} bytes and should have {}", found.bytes, (*manifest)["bytes"].dump()));
  if ((*manifest)["checksum"] != found.checksum) damaged("its checksum does not fit");
  FitState state = read_fit_state(path_ / state_file(step));
  if (state.steps() != step) damaged("it is of another step than its name says");
  return state;
}

std::optional<FitState> ResumeFolder::newest(const RunIdentity& run, Report& report) {
  const std::string checksum = run.checksum();
  const std::optional<Json> file = run_file();
  if (file && (*file)["isa"] != to_string(active_isa()))
    report.warning("the run began on {} and goes on on {}: the model may differ in its last bits",
                   (*file)["isa"].dump(), to_string(active_isa()));
  const std::vector<int64_t> steps = manifests();
  std::string reasons;
  for (const int64_t step : steps) {
    try {
      FitState state = read(step, checksum);
      last_step_ = step;
      report.info("goes on after step {} (epoch {}, step {} of it)", step, state.cursor.epoch + 1,
                  state.cursor.step);
      return state;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kIo) throw;
      reasons += fmt::format("{}step {}: {}", reasons.empty() ? "" : "; ", step, error.what());
      if (file) report.warning("the checkpoint after step {} is not used: {}", step, error.what());
    }
  }
  if (!file && is_used())
    fail(ErrorCode::kSpec,
         "--resume: {} has no readable {}, and no checkpoint of this run{}; remove that folder to start from "
         "the beginning",
         path_.string(), kRunFile, reasons.empty() ? "" : fmt::format(" ({})", reasons));
  report.info("{} has no {}checkpoint: starts from the beginning", path_.string(),
              steps.empty() ? "" : "usable ");
  return std::nullopt;
}

void ResumeFolder::begin(const RunIdentity& run) {
  run_ = run;
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) fail(ErrorCode::kIo, "cannot make the folder '{}': {}", path_.string(), error.message());
  write_json(path_ / kRunFile, {{"format", kFormat},
                                {"engine", RLE_VERSION},
                                {"isa", to_string(active_isa())},
                                {"specification", run.specification},
                                {"data", run.data}});
  begun_ = true;
}

void ResumeFolder::write(const FitState& state) {
  if (!begun_) begin(run_);
  const int64_t step = state.steps();
  const fs::path path = path_ / state_file(step);
  const FileChecksum written = write_fit_state(path, state);
  write_json(path_ / manifest_file(step), {{"format", kFormat},
                                           {"run", run_.checksum()},
                                           {"state", state_file(step)},
                                           {"bytes", written.bytes},
                                           {"checksum", written.checksum},
                                           {"epoch", state.cursor.epoch + 1},
                                           {"step", state.cursor.step}});
  remove_all_but(step, last_step_);
  last_step_ = step;
}

void ResumeFolder::remove_all_but(int64_t step, std::optional<int64_t> former) noexcept {
  std::error_code ignored;
  for (const std::string& name : names_in(path_)) {
    const auto is = [&](int64_t s) { return name == state_file(s) || name == manifest_file(s); };
    if (name.starts_with(kStatePrefix) && !is(step) && !(former && is(*former)))
      fs::remove(path_ / name, ignored);
  }
}

void ResumeFolder::remove() noexcept {
  std::error_code ignored;
  for (const std::string& name : names_in(path_))
    if (name.starts_with(kStatePrefix) || name.starts_with(kRunFile)) fs::remove(path_ / name, ignored);
  ::rmdir(path_.c_str());  // fails, as it should, where it holds anything else, or is a file
  last_step_.reset();
}

}  // namespace rle
