// Writes a training's states while it goes on: one at a time, on a thread of its own, when the schedule says
// so. A disk that takes no more stops nothing: it is told, and tried again at the next time.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/report.h"
#include "job/job_spec.h"
#include "job/resume_folder.h"

namespace rle {

// Borrows the folder, which is its alone while it lives, and the report, which it calls from the training's
// thread. All calls come from that thread.
class StateWriter {
 public:
  // clock: seconds; without one every_seconds counts for nothing. steps: done before.
  StateWriter(ResumeFolder& folder, const CheckpointSchedule& schedule, std::function<double()> clock,
              int64_t steps, Report& report);
  ~StateWriter();
  StateWriter(const StateWriter&) = delete;
  StateWriter& operator=(const StateWriter&) = delete;

  // Never while a state is still being written.
  bool due(int64_t steps);
  void keep(FitState state);
  // The last state that was written, given away for its memory; empty where there is none.
  FitState spare();
  // Waits for the disk, and tells of what failed.
  void finish();

 private:
  void work();
  void wait_and_tell(std::unique_lock<std::mutex>& lock);
  void tell();

  ResumeFolder& folder_;
  const CheckpointSchedule schedule_;
  const std::function<double()> clock_;
  Report& report_;
  int64_t last_steps_;
  double last_seconds_ = 0;
  bool failing_ = false;  // and told

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<FitState> waiting_;  // to be written
  FitState written_;
  std::optional<std::string> outcome_;  // of the last write that was not told yet: "" or why it failed
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace rle
