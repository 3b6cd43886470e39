// Short work in children of their own, for callers that wait: checks of a job, descriptions, exports. A crash
// in them is the caller's error and nothing else's.
#pragma once

#include <chrono>
#include <deque>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/job_run.h"
#include "server/launcher.h"
#include "server/records.h"

namespace rle {

// add() from any thread; the rest from the scheduler's.
class TaskQueue {
 public:
  // document: with "action". Problem{busy}: too many wait.
  std::future<Json> add(Json document, std::chrono::seconds limit);

  void start_waiting(Launcher& launcher);
  std::vector<int> descriptors() const;
  // Takes what the children told, and ends those that took too long.
  void take();
  std::optional<SteadyTime> next_deadline() const;
  // Fails all with Problem{busy}.
  void stop();

 private:
  struct Task {
    std::string document;
    std::chrono::seconds limit{60};
    std::promise<Json> promise;
    std::unique_ptr<Attempt> attempt;
    SteadyTime deadline;
    bool timed_out = false;
    Json told;  // the last "result" or "error"
    std::string last_line;
  };
  void settle(Task& task, const Ending& ending);

  std::mutex mutex_;
  std::deque<Task> waiting_;  // guarded by mutex_
  bool stopped_ = false;      // likewise
  std::list<Task> running_;
};

}  // namespace rle
