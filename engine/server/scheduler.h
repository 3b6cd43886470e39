// Runs the jobs of the record: one at a time an engine, oldest first, several engines beside each other. One
// thread starts, watches and stops what runs, waiting on descriptors only.
//
//   record QUEUED --start--> RUNNING, attempt counted, then launched --result--> COMPLETED
//     --error--> FAILED     --stopped after a cancel--> CANCELED     --host stops--> RUNNING, as it was
//     --ended by a signal--> what it left is settled (a committed output: COMPLETED), then as above
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/file.h"
#include "server/job_document.h"
#include "server/job_run.h"
#include "server/task_queue.h"

namespace rle {

struct SchedulerOptions {
  HostFolders folders;
  int64_t keep_jobs = 10'000, keep_days = 90;
  std::function<int64_t()> now_us;
  std::chrono::milliseconds cancel_grace{2'000}, stop_grace{10'000};  // from SIGTERM to SIGKILL
  std::chrono::milliseconds minute{60'000};                           // of auto_suspend_minutes
};

// Owned by the host; borrows store, launcher and sizes. Thread-safe.
class Scheduler {
 public:
  Scheduler(Store& store, Launcher& launcher, const Sizes& sizes, SchedulerOptions options);
  // As stop().
  ~Scheduler();

  // Takes up what was RUNNING when the host before ended. Once.
  void start();
  // Lets what runs stop cleanly, stop_grace at most; it stays RUNNING in the record.
  void stop();

  // The record changed: a job was queued, a cancel was asked for, an engine was resumed.
  void wake();
  // The secrets of a job, until it ends. Before the job is in the record.
  void keep_secrets(const std::string& job, Json secrets);
  void drop_secrets(const std::string& job);
  // Runs short work in a child and waits for it. Throws Problem.
  Json run_task(Json document, std::chrono::seconds limit = std::chrono::seconds(60));

  int64_t attempts() const { return attempts_; }
  int64_t queued_milliseconds() const { return queued_milliseconds_; }
  double seeds_per_second() const { return seeds_per_second_; }

 private:
  using Runs = std::map<std::string, std::unique_ptr<JobRun>>;  // by engine

  bool has_secrets(const std::string& job);
  void work();
  void recover();
  void wait();
  void start_queued();
  void begin(JobRecord job);
  void launch(JobRun& run, std::string_view action);
  void stop_canceled();
  void kill_overdue();
  void read_news();
  // Whether the run is over.
  bool on_ended(JobRun& run, const Ending& ending);
  bool settle_first(JobRun& run);
  bool end_unless_settling(JobRun& run, const Ending& ending);
  void close(JobRun& run, JobState state, const Json& error, const std::string& reason);
  void complete(JobRun& run, const Json& told);
  void suspend_idle_engines();
  void prune();
  void publish_rate();
  std::optional<SteadyTime> next_deadline() const;

  Store& store_;
  Launcher& launcher_;
  const Sizes& sizes_;
  const SchedulerOptions options_;

  // Of the thread.
  Runs runs_;
  TaskQueue tasks_;
  struct Idle {
    int64_t updated_us = 0;
    SteadyTime since;
  };
  std::map<std::string, Idle> idle_;  // by engine's id
  std::optional<SteadyTime> next_suspend_;
  SteadyTime next_prune_, retry_at_;
  bool stopping_told_ = false;

  Descriptor wake_{-1};
  std::atomic<bool> changed_{true}, stopping_{false};
  std::atomic<int64_t> attempts_{0}, queued_milliseconds_{0};
  std::atomic<double> seeds_per_second_{0};
  std::mutex secrets_mutex_;
  std::map<std::string, Json> secrets_;
  std::thread thread_;
};

}  // namespace rle
