#include "server/job_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/memory.h"
#include "server/problem.h"

namespace rle {
namespace {

constexpr size_t kLastLines = 10, kMostWarnings = 100, kLongestLogLine = 8192;
constexpr int64_t kMostOtherLines = 10'000;
constexpr int64_t kKeptProgress = 1000;  // events of progress that a job keeps
const char* const kKnownTypes[] = {"log", "progress", "epoch", "scored", "device"};

Json problem_json(const std::string& name, const std::string& detail, const std::string& field,
                  const std::string& advice) {
  return Problem(status_of_problem(name), name, detail, field, advice).json();
}

// A running job's columns that its attempt decides.
void copy_columns(const JobRecord& from, JobRecord& to) {
  to.device = from.device;
  to.progress = from.progress;
  to.warnings = from.warnings;
}

}  // namespace

void change_state(Store::Change& change, JobRecord& job, JobState state, int64_t now_us,
                  const std::string& reason) {
  job.state = state;
  job.updated_us = std::max(now_us, job.updated_us);  // a clock that was set back changes no order
  if (state == JobState::kRunning && !job.started_us) job.started_us = job.updated_us;
  if (is_final(state)) job.finished_us = job.updated_us;
  Json body{{"state", to_string(state)}};
  if (!reason.empty()) body["reason"] = reason;
  change.tables.append_event(job, job.updated_us, "state", body);
  change.tables.update(job);
  change.touched.push_back(job.id);
}

JobRun::JobRun(Store& store, JobRecord job, std::function<int64_t()> now_us)
    : store_(store), job_(std::move(job)), now_us_(std::move(now_us)) {}

void JobRun::set_attempt(std::unique_ptr<Attempt> attempt) {
  attempt_ = std::move(attempt);
  last_seq_ = 0;
  verdict_ = {};
  ended.reset();
}

std::optional<Ending> JobRun::take() {
  const Attempt::News news = attempt_->poll();
  std::vector<Told> told;
  for (const std::string& line : news.events) try {
      take_event(line, told);
    } catch (const Json::exception&) {  // not what an attempt of this program writes
      take_other(line, told);
    }
  for (const std::string& line : news.other) take_other(line, told);
  if (told.empty()) return news.ending;
  for (const Told& event : told) note(event.type, event.body);
  const bool thin =
      std::any_of(told.begin(), told.end(), [](const Told& t) { return t.type == "progress"; }) &&
      ++thinned_ % kKeptProgress == 0;
  store_.post([told = std::move(told), now = job_, now_us = now_us_(), thin](Store::Change& change) {
    std::optional<JobRecord> job = change.tables.job(now.id);
    if (!job || job->state != JobState::kRunning || job->attempt != now.attempt) return;
    copy_columns(now, *job);
    job->updated_us = std::max(now_us, job->updated_us);
    for (const Told& event : told) change.tables.append_event(*job, job->updated_us, event.type, event.body);
    if (thin)
      for (const char* type : {"progress", "scored"})
        change.tables.thin_events(job->place, type, kKeptProgress);
    change.tables.update(*job);
    change.touched.push_back(job->id);
  });
  return news.ending;
}

void JobRun::take_event(const std::string& line, std::vector<Told>& told) {
  Json event = Json::parse(line, nullptr, false);
  if (!event.is_object() || !event.contains("type") || !event["type"].is_string())
    return take_other(line, told);
  const int64_t seq = event.value("seq", int64_t{0});
  if (event.value("attempt", int64_t{0}) != job_.attempt || seq <= last_seq_) return;
  last_seq_ = seq;
  const std::string type = event["type"];
  for (const char* key : {"attempt", "seq", "type"}) event.erase(key);
  if (type == "result") {
    verdict_.result = std::move(event);
  } else if (type == "error") {
    verdict_.error = problem_json(event.value("name", "internal"), event.value("detail", ""),
                                  event.value("field", ""), event.value("advice", ""));
  } else if (type == "stopped") {
    verdict_.stopped = true;
  } else if (!settling &&
             std::find(std::begin(kKnownTypes), std::end(kKnownTypes), type) != std::end(kKnownTypes)) {
    told.push_back({type, std::move(event)});
  }
}

void JobRun::take_other(const std::string& line, std::vector<Told>& told) {
  if (line.empty() || ++other_lines_ > kMostOtherLines) return;
  told.push_back({"log", {{"severity", "ERROR"}, {"text", line.substr(0, kLongestLogLine)}}});
}

void JobRun::note(const std::string& type, const Json& body) {
  if (type == "device") job_.device = body;
  if (type == "log") {
    remember(body.value("text", ""));
    const Json text = body.value("text", "");
    if (body.value("severity", "") == "WARNING" && job_.warnings.size() < kMostWarnings &&
        std::find(job_.warnings.begin(), job_.warnings.end(), text) == job_.warnings.end())
      job_.warnings.push_back(text);
  }
  if (type != "progress" && type != "epoch") return;
  if (job_.progress.is_null()) job_.progress = Json::object();
  for (const auto& [key, value] : body.items())
    if (key != "lr" && key != "best" && key != "seconds") job_.progress[key] = value;
  if (body.contains("seeds_per_second") && body["seeds_per_second"].is_number())
    seeds_per_second_ = body["seeds_per_second"];
}

void JobRun::remember(const std::string& line) {
  last_lines_.push_back(line);
  if (last_lines_.size() > kLastLines) last_lines_.pop_front();
}

Json JobRun::problem_of(const Ending& ending) const {
  std::string lines;
  for (const std::string& line : last_lines_) lines += "\n" + line;
  if (!lines.empty()) lines = "; its last lines:" + lines;
  if (ending.out_of_memory)
    return problem_json(
        "out-of-memory", "it took more memory than its engine allows" + lines, "",
        "give the engine a size with a higher memory limit, or use a smaller batch or smaller fanouts");
  if (ending.signal == SIGKILL)
    return problem_json("killed", "killed, probably out of memory" + lines, "",
                        "see the system's log; use a smaller batch, smaller fanouts or fewer columns");
  const std::string advice =
      memory_limit_bytes ? fmt::format("its engine allows {} of memory, which may have been too little",
                                       bytes_text(*memory_limit_bytes))
                         : "";
  if (ending.signal != 0)
    return problem_json(
        "killed", fmt::format("ended by signal {} ({}){}", ending.signal, ::strsignal(ending.signal), lines),
        "", advice);
  return problem_json("internal",
                      fmt::format("ended with exit code {} and without a result{}", ending.exit_code, lines),
                      "", "");
}

void JobRun::complete(const Json& told) {
  if (job_.kind != JobKind::kPredict) job_.model_run_id = job_.id;
  finish(JobState::kCompleted, told.value("result", Json()), told.value("outputs", Json::array()), nullptr,
         nullptr);
}

void JobRun::end(JobState state, const Json& error, const std::string& reason) {
  finish(state, nullptr, Json::array(), error, reason);
}

void JobRun::finish(JobState state, const Json& result, const Json& outputs, const Json& error,
                    const Json& reason) {
  store_.write([&](Store::Change& change) {
    std::optional<JobRecord> job = change.tables.job(job_.id);
    if (!job || job->state != JobState::kRunning || job->attempt != job_.attempt) return false;
    copy_columns(job_, *job);
    job->result = result;
    job->outputs = outputs;
    job->error = error;
    job->model_run_id = job_.model_run_id;
    const int64_t now_us = std::max(now_us_(), job->updated_us);
    for (const Json& output : outputs) change.tables.append_event(*job, now_us, "output", output);
    if (!error.is_null())
      change.tables.append_event(*job, now_us, "log",
                                 {{"severity", "ERROR"}, {"text", error.value("detail", "")}});
    change_state(change, *job, state, now_us, reason.is_string() ? reason.get<std::string>() : "");
    job_ = *job;
    return true;
  });
}

}  // namespace rle
