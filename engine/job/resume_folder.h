// DIR/resume in a model's folder: what a run that did not finish leaves, so that `rle fit --resume` goes on.
//   run.json               what the run is (specification, data, engine); written first
//   step-N.safetensors     the training's state after N steps
//   step-N.json            its manifest (size, checksum, run), written last: a state without one does not
//   count
// The newest two states are kept. Every file is there whole or not at all; a state that does not match its
// manifest is not used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/report.h"
#include "job/run_identity.h"
#include "train/fit_state.h"

namespace rle {

inline constexpr const char* kResumeFolder = "resume";

// One thread at a time.
class ResumeFolder {
 public:
  explicit ResumeFolder(const std::filesystem::path& model_folder);

  const std::filesystem::path& path() const { return path_; }
  // Whether a run left anything: a run.json or a state.
  bool is_used() const;

  // Refuses another run than that of run.json, naming what differs. Error{kSpec}: another specification, or
  // another version of the engine. Without a readable run.json nothing is known, nothing refused.
  void require_same_specification(const nlohmann::ordered_json& specification) const;
  // Error{kData}: tables or labels differ.
  void require_same_data(const nlohmann::ordered_json& data) const;

  // The newest state of the run that is whole. Tells of those that are not, and where the kernels now run on
  // another instruction set. nullopt: it starts from the beginning. Error{kSpec}: states are there, and
  // nothing says that they are this run's.
  std::optional<FitState> newest(const RunIdentity& run, Report& report);

  // Error{kIo}: the disk takes no more, no permission; the older states stay as they were.
  void begin(const RunIdentity& run);
  void write(const FitState& state);  // after begin, which is tried again where it failed

  // The steps of the newest state that was read or written whole.
  std::optional<int64_t> last_step() const { return last_step_; }
  // Removes what this class writes, and the folder if nothing else is in it.
  void remove() noexcept;

 private:
  std::optional<nlohmann::ordered_json> run_file() const;  // nullopt: absent, damaged
  std::vector<int64_t> manifests() const;                  // their steps, newest first
  FitState read(int64_t step, const std::string& run) const;
  void remove_all_but(int64_t step, std::optional<int64_t> former) noexcept;

  std::filesystem::path path_;
  RunIdentity run_;
  bool begun_ = false;
  std::optional<int64_t> last_step_;
};

}  // namespace rle
