// One job while it runs: what its attempt tells becomes events and the record's columns; its end becomes the
// record's.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/launcher.h"
#include "server/store.h"

namespace rle {

using SteadyTime = std::chrono::steady_clock::time_point;

// What an attempt told last, as far as it decides the end.
struct Verdict {
  std::optional<Json> result;  // {"result", "outputs"}
  std::optional<Json> error;   // a problem document
  bool stopped = false;        // because it was asked to
};

// Owned by the scheduler, used from its thread.
class JobRun {
 public:
  // job: RUNNING, its attempt counted.
  JobRun(Store& store, JobRecord job, std::function<int64_t()> now_us);

  const JobRecord& job() const { return job_; }
  Attempt* attempt() const { return attempt_.get(); }
  void set_attempt(std::unique_ptr<Attempt> attempt);

  // Takes what the attempt told; lines of another attempt, or seen before, are refused. Returns how it ended.
  std::optional<Ending> take();
  const Verdict& verdict() const { return verdict_; }
  // What an ending without a verdict means. The attempt's memory limit, where it had one, is part of it.
  Json problem_of(const Ending& ending) const;
  double seeds_per_second() const { return seeds_per_second_; }

  // Ends the job in the record, in one transaction with its last events. Error{kIo}: it could not be written.
  void complete(const Json& result);
  void end(JobState state, const Json& error, const std::string& reason);

  std::optional<int64_t> memory_limit_bytes;
  bool canceling = false;             // it was asked to stop for a cancel
  bool settling = false;              // the attempt looks at what the one before left
  std::optional<SteadyTime> kill_at;  // then it is ended at once
  std::optional<Ending> ended;        // and not in the record yet
  std::optional<Json> failure;        // what it will be FAILED with once it is settled

 private:
  struct Told {
    std::string type;
    Json body;
  };
  void take_event(const std::string& line, std::vector<Told>& told);
  void take_other(const std::string& line, std::vector<Told>& told);
  void note(const std::string& type, const Json& body);
  void remember(const std::string& line);
  void finish(JobState state, const Json& result, const Json& outputs, const Json& error, const Json& told);

  Store& store_;
  JobRecord job_;
  std::function<int64_t()> now_us_;
  std::unique_ptr<Attempt> attempt_;
  int64_t last_seq_ = 0, other_lines_ = 0, thinned_ = 0;
  Verdict verdict_;
  std::deque<std::string> last_lines_;
  double seeds_per_second_ = 0;
};

// A state change as an event, and in the record's times. Inside a change of the store.
void change_state(Store::Change& change, JobRecord& job, JobState state, int64_t now_us,
                  const std::string& reason);

}  // namespace rle
