#include "server/records.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/time.h"

namespace rle {
namespace {

constexpr std::array<std::pair<EngineState, std::string_view>, 2> kEngineStates{
    {{EngineState::kReady, "READY"}, {EngineState::kSuspended, "SUSPENDED"}}};
constexpr std::array<std::pair<JobState, std::string_view>, 5> kJobStates{
    {{JobState::kQueued, "QUEUED"},
     {JobState::kRunning, "RUNNING"},
     {JobState::kCompleted, "COMPLETED"},
     {JobState::kFailed, "FAILED"},
     {JobState::kCanceled, "CANCELED"}}};
constexpr std::array<std::pair<JobKind, std::string_view>, 3> kJobKinds{
    {{JobKind::kFit, "fit"}, {JobKind::kPredict, "predict"}, {JobKind::kFitPredict, "fit_predict"}}};

template <typename Names, typename Value>
std::string_view name_in(const Names& names, Value value) {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  return "";
}

template <typename Names>
auto value_in(const Names& names, std::string_view text) -> std::optional<decltype(names[0].first)> {
  for (const auto& [known, name] : names)
    if (name == text) return known;
  return std::nullopt;
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json time_or_null(const std::optional<int64_t>& time_us) {
  return time_us ? Json(time_text(*time_us)) : Json(nullptr);
}

}  // namespace

std::string_view to_string(EngineState state) { return name_in(kEngineStates, state); }
std::string_view to_string(JobState state) { return name_in(kJobStates, state); }
std::string_view to_string(JobKind kind) { return name_in(kJobKinds, kind); }
std::optional<EngineState> engine_state_of(std::string_view text) { return value_in(kEngineStates, text); }
std::optional<JobState> job_state_of(std::string_view text) { return value_in(kJobStates, text); }
std::optional<JobKind> job_kind_of(std::string_view text) { return value_in(kJobKinds, text); }

bool is_final(JobState state) { return state != JobState::kQueued && state != JobState::kRunning; }

bool may_become(JobState from, JobState to) {
  if (from == JobState::kQueued) return to == JobState::kRunning || to == JobState::kCanceled;
  return from == JobState::kRunning && is_final(to);
}

std::string time_text(int64_t time_us) {
  const CivilTime t = civil_from_micros(time_us);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", t.year, t.month, t.day, t.hour, t.minute,
                     t.second, t.microsecond);
}

Json JobRecord::request() const { return Json::parse(request_text); }

void JobRecord::set_request(const Json& request) {
  request_text = request.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json to_json(const EngineRecord& engine) {
  return {{"id", engine.id},
          {"name", engine.name},
          {"size", engine.size},
          {"state", to_string(engine.state)},
          {"created_by", engine.created_by},
          {"created_at", time_text(engine.created_us)},
          {"updated_at", time_text(engine.updated_us)},
          {"settings",
           {{"auto_suspend_mins",
             engine.auto_suspend_minutes ? Json(*engine.auto_suspend_minutes) : Json(nullptr)}}}};
}

Json to_json(const JobRecord& job, std::optional<int64_t> queue_position) {
  return {{"id", job.id},
          {"kind", to_string(job.kind)},
          {"engine", job.engine},
          {"state", to_string(job.state)},
          {"attempt", job.attempt},
          {"created_at", time_text(job.created_us)},
          {"started_at", time_or_null(job.started_us)},
          {"finished_at", time_or_null(job.finished_us)},
          {"updated_at", time_text(job.updated_us)},
          {"created_by", text_or_null(job.created_by)},
          {"experiment_name", text_or_null(job.experiment_name)},
          {"model_run_id", text_or_null(job.model_run_id)},
          {"device", job.device},
          {"progress", job.progress},
          {"warnings", job.warnings},
          {"result", job.result},
          {"outputs", job.outputs.is_null() ? Json::array() : job.outputs},
          {"error", job.error},
          {"cancel_requested", job.cancel_requested},
          {"queue_position", queue_position ? Json(*queue_position) : Json(nullptr)}};
}

Json to_json(const EventRecord& event) {
  Json out{{"seq", event.seq},
           {"attempt", event.attempt},
           {"time", time_text(event.time_us)},
           {"type", event.type}};
  for (const auto& [key, value] : event.body.items()) out[key] = value;
  return out;
}

}  // namespace rle
