// What stands in state.sqlite, as records: every question that is asked of it and every change, one statement
// or few each. Changes are made inside a transaction of the Store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/records.h"
#include "server/sqlite.h"

namespace rle {

struct JobQuery {
  std::optional<JobState> state = {};
  std::optional<JobKind> kind = {};
  std::string engine = {};                   // empty: of all
  std::optional<int64_t> before_place = {};  // older ones only
  int64_t limit = 100;
};

// "Fit" and "FIT" are one name.
std::string folded(std::string_view name);

// Borrows the connection; one thread at a time.
class StateTables {
 public:
  explicit StateTables(const SqliteConnection& connection) : connection_(connection) {}

  std::vector<EngineRecord> engines() const;  // oldest first
  std::optional<EngineRecord> engine(std::string_view name) const;
  void insert(const EngineRecord& engine) const;
  void update(const EngineRecord& engine) const;
  void remove_engine(const std::string& id) const;

  std::optional<JobRecord> job(const std::string& id) const;
  std::optional<JobRecord> job_of_key(const std::string& idempotency_key) const;
  std::vector<JobRecord> jobs(const JobQuery& query) const;  // newest first
  // QUEUED and RUNNING ones, oldest first; engine empty: of all.
  std::vector<JobRecord> active_jobs(const std::string& engine) const;
  std::optional<JobRecord> next_queued(const std::string& engine) const;
  std::vector<std::string> engines_with_queued_jobs() const;
  bool has_active_jobs(const std::string& engine) const;
  // The QUEUED or RUNNING job that writes to that place.
  std::optional<JobRecord> active_job_of_output(const std::string& output) const;
  int64_t queue_position(const JobRecord& job) const;  // from 1
  std::vector<std::pair<std::string, int64_t>> jobs_by_state() const;

  // Gives it its place.
  void insert(JobRecord& job) const;
  // All but id, place, request, key and creation. The state may change along an edge only: RLE_CHECK.
  void update(const JobRecord& job) const;
  void remove_job(int64_t place) const;
  // Final jobs to be forgotten: all but the newest `keep`, and those that ended before.
  std::vector<std::pair<int64_t, std::string>> outdated_jobs(int64_t keep, int64_t ended_before_us) const;

  // Numbers the event and adds it to the job, whose last_event it moves on.
  void append_event(JobRecord& job, int64_t time_us, std::string_view type, const Json& body) const;
  std::vector<EventRecord> events(int64_t place, int64_t from, int64_t limit) const;
  // Leaves the newest `keep` events of a type.
  void thin_events(int64_t place, std::string_view type, int64_t keep) const;

 private:
  std::vector<JobRecord> select_jobs(SqliteStatement& statement) const;

  const SqliteConnection& connection_;
};

}  // namespace rle
