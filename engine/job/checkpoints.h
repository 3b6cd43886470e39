// The checkpoints of one `rle fit`: found where it resumes, written while it trains, removed when all is
// done.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/report.h"
#include "job/job_spec.h"
#include "job/resume_folder.h"
#include "job/state_writer.h"
#include "train/fit.h"

namespace rle {

// Borrows the report. One thread; the folder is locked by the caller from `open` on.
class Checkpoints {
 public:
  // resume: Error{kSpec} where the folder holds a run of another specification.
  Checkpoints(const JobSpec& spec, const std::filesystem::path& model_folder, bool resume, Report& report);
  // A run that wrote none leaves nothing behind.
  ~Checkpoints();
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  // Whether the data's content has to be known.
  bool needs_data() const { return resume_ || !schedule_.off(); }

  // Resume: finds the state to go on with, which hooks.resume hands over. Then has the hooks keep states from
  // now on, as the specification asks for. Errors as ResumeFolder's; what can't be written is told, and stops
  // nothing.
  void open(nlohmann::ordered_json data, FitHooks& hooks);

  // The epochs behind the state to go on with, until it is handed over.
  std::vector<EpochRecord> former_epochs() const;
  // Waits for the disk: the steps after which the run can be resumed; absent: it can't.
  std::optional<int64_t> finish();
  void remove();

 private:
  const CheckpointSchedule schedule_;
  const bool resume_;
  Report& report_;
  ResumeFolder folder_;
  bool writes_ = false;
  RunIdentity run_;
  std::optional<FitState> state_;
  std::optional<StateWriter> writer_;
};

}  // namespace rle
