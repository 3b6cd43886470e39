// What the host keeps about engines, jobs and events, and their JSON forms (docs/host.md). Plain values.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace rle {

using Json = nlohmann::ordered_json;

// READY <-> SUSPENDED; either may be deleted.
enum class EngineState { kReady, kSuspended };

// QUEUED -> RUNNING -> COMPLETED | FAILED | CANCELED; QUEUED -> CANCELED. No other edge exists.
enum class JobState { kQueued, kRunning, kCompleted, kFailed, kCanceled };

enum class JobKind { kFit, kPredict, kFitPredict };

std::string_view to_string(EngineState state);  // "READY"
std::string_view to_string(JobState state);     // "QUEUED"
std::string_view to_string(JobKind kind);       // "fit_predict"
std::optional<EngineState> engine_state_of(std::string_view text);
std::optional<JobState> job_state_of(std::string_view text);
std::optional<JobKind> job_kind_of(std::string_view text);

bool is_final(JobState state);
// Whether the edge exists.
bool may_become(JobState from, JobState to);

struct EngineRecord {
  std::string id, name, size;
  EngineState state = EngineState::kReady;
  std::string created_by;
  int64_t created_us = 0, updated_us = 0;
  std::optional<int64_t> auto_suspend_minutes = 15;
};

struct JobRecord {
  std::string id;  // a UUID in lower case
  JobKind kind = JobKind::kFit;
  std::string engine;
  JobState state = JobState::kQueued;
  int64_t attempt = 0;  // 0 until it ran
  int64_t created_us = 0, updated_us = 0;
  std::optional<int64_t> started_us, finished_us;
  std::string created_by, experiment_name;
  std::string request_text = "{}";  // as submitted, without secrets; JSON that few ask for
  Json device, progress;            // null until told
  Json result, outputs;             // null, [] until told
  Json warnings = Json::array();
  Json error;  // a problem document; null
  bool cancel_requested = false;
  std::string idempotency_key;  // empty: none
  std::string output;  // the place it writes to, by one name (Submission); empty: none. Kept, not read back

  // The id of the model that it trained or used; empty while there is none.
  std::string model_run_id;

  int64_t place = 0;           // in the order of submission; 0 until it is kept
  int64_t last_event = 0;      // seq of its newest event
  bool needs_secrets = false;  // the request had some; they are in memory only

  Json request() const;
  void set_request(const Json& request);
};

struct EventRecord {
  int64_t seq = 0, attempt = 0, time_us = 0;
  std::string type;
  Json body;  // all further members
};

// "2026-11-25T19:31:22.123456Z"
std::string time_text(int64_t time_us);

Json to_json(const EngineRecord& engine);
Json to_json(const JobRecord& job, std::optional<int64_t> queue_position);
Json to_json(const EventRecord& event);

}  // namespace rle
