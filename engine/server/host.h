// The engine host without its network: engines, their queues, jobs and events. All that routes, of any
// protocol, may call.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/problem.h"
#include "server/records.h"

namespace rle {

struct HostOptions {
  std::filesystem::path state_folder;
  std::vector<std::filesystem::path> data_roots;  // empty: all that the user may read
  std::vector<std::string> self;  // the command line that starts `rle`; children are self + {"job"}
  int64_t keep_jobs = 10'000, keep_days = 90;
  std::function<int64_t()> now_us;  // UTC; empty: the system's clock
};

struct JobFilter {
  std::optional<JobState> state;
  std::optional<JobKind> kind;
  std::string engine;   // empty: of all
  int64_t limit = 100;  // 1 .. 1000
  std::string before;   // id of the last job of the page before
};

// Newest first; next: what `before` of the next page is, empty after the last.
struct JobPage {
  std::vector<Json> jobs;
  std::string next;
};

// One of a job's outputs. of: the table that embeddings are of, or the column of its keys in the task's
// tables, where there are several.
struct OutputChoice {
  std::string role = "predictions", of;
};

// Counters and gauges for /metrics.
struct HostMetrics {
  std::vector<std::pair<std::string, int64_t>> jobs_by_state;
  int64_t engines = 0, attempts = 0, queued_seconds_total_ms = 0, resident_bytes = 0;
  double seeds_per_second = 0;  // of all running jobs
};

// Owned by `rle serve`. Thread-safe. Every call may throw Problem; none blocks longer than a write to SQLite,
// but create_job, describe, validate and output_file, which wait for a child process (0.1 s as a rule,
// at most 60 s).
class Host {
 public:
  // Locks and opens the state folder, migrates it, puts jobs that were running back as their next attempt.
  // Error{kIo}, Error{kSpec}: another host has it, a newer version wrote it, it can't be written.
  explicit Host(HostOptions options);
  // As stop().
  ~Host();

  // Begins to run jobs. Once.
  void start();
  // Lets running jobs write a checkpoint and end, at most 10 s; they stay RUNNING in the record.
  void stop();
  bool ready() const;

  std::vector<Json> sizes() const;
  std::vector<Json> engines(std::optional<EngineState> state) const;
  Json engine(const std::string& name) const;
  Json create_engine(const Json& request, const std::string& user);
  Json resume_engine(const std::string& name);
  Json suspend_engine(const std::string& name, bool force);
  void delete_engine(const std::string& name, bool force);

  // Refuses what sources, model and output tell, as validate does.
  struct Created {
    Json job;
    bool is_new = true;  // false: the same request with the same idempotency key came before
  };
  // id: a UUID that the client chose (v1alpha1); empty: the host makes one.
  Created create_job(const Json& request, const std::string& user, const std::string& idempotency_key,
                     const std::string& id = "");
  Json job(const std::string& id) const;
  // The request as it was submitted.
  Json job_request(const std::string& id) const;
  JobPage jobs(const JobFilter& filter) const;
  Json cancel_job(const std::string& id);
  void delete_job(const std::string& id);

  // At most `limit` events with seq >= from. Empty and `is_final`: there will be no more.
  struct Events {
    std::vector<EventRecord> events;
    bool final = false;
  };
  Events events(const std::string& id, int64_t from, int64_t limit) const;
  // Calls `wake` (from any thread, once; must not block) when the job has events with seq >= from or is
  // final. The subscription ends with the handle.
  std::shared_ptr<void> when_events(const std::string& id, int64_t from, std::function<void()> wake);

  // {"source", "data_source"?} -> columns with inferred dtypes.
  Json describe(const Json& request);
  // As create_job would check it: {"warnings": [...]}, or Problem.
  Json validate(const Json& request);
  // A temporary file with the rows of an output of the job as they are in it now; the caller deletes it.
  std::filesystem::path output_file(const std::string& id, const OutputChoice& choice,
                                    const std::string& format);

  HostMetrics metrics() const;
  Json about() const;  // for GET /v1/host

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rle
