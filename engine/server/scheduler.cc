#include "server/scheduler.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/error.h"
#include "job/output_commit.h"
#include "job/resume_folder.h"
#include "server/problem.h"
#include "train/checkpoint.h"

namespace rle {
namespace {
namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr auto kPruneEvery = std::chrono::hours(1);
constexpr auto kSettleLimit = std::chrono::seconds(60);
constexpr auto kRetryAfter = std::chrono::seconds(1);  // where the disk took a change not

}  // namespace

Scheduler::Scheduler(Store& store, Launcher& launcher, const Sizes& sizes, SchedulerOptions options)
    : store_(store), launcher_(launcher), sizes_(sizes), options_(std::move(options)) {
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake_.get() < 0) fail(ErrorCode::kIo, "no descriptor is left for the scheduler");
}

Scheduler::~Scheduler() { stop(); }

void Scheduler::start() {
  RLE_CHECK(!thread_.joinable());
  thread_ = std::thread([this] { work(); });
}

void Scheduler::stop() {
  stopping_ = true;
  wake();
  if (thread_.joinable()) thread_.join();
  tasks_.stop();
}

void Scheduler::wake() {
  changed_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void Scheduler::keep_secrets(const std::string& job, Json secrets) {
  const std::lock_guard lock(secrets_mutex_);
  secrets_[job] = std::move(secrets);
}

void Scheduler::drop_secrets(const std::string& job) {
  const std::lock_guard lock(secrets_mutex_);
  secrets_.erase(job);
}

bool Scheduler::has_secrets(const std::string& job) {
  const std::lock_guard lock(secrets_mutex_);
  return secrets_.contains(job);
}

Json Scheduler::run_task(Json document, std::chrono::seconds limit) {
  std::future<Json> future = tasks_.add(std::move(document), limit);
  wake();
  return future.get();
}

void Scheduler::work() {
  // A thread that takes no signal: the host's are for its main thread.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  bool recovered = false;
  while (true) {
    try {
      if (!recovered) recover();
      recovered = true;
      if (stopping_ && !stopping_told_) {
        stopping_told_ = true;
        for (auto& [engine, run] : runs_) {
          run->attempt()->stop(false);
          run->kill_at = steady_clock::now() + options_.stop_grace;
        }
      }
      if (stopping_ && runs_.empty()) return;
      tasks_.start_waiting(launcher_);
      if (changed_.exchange(false)) stop_canceled();
      if (!stopping_) start_queued();
      suspend_idle_engines();
      if (steady_clock::now() >= next_prune_) prune();
    } catch (const std::exception&) {  // the disk takes no more: again in a moment
      retry_at_ = steady_clock::now() + kRetryAfter;
      changed_ = true;
    }
    wait();
    kill_overdue();
    tasks_.take();
    read_news();
    publish_rate();
  }
}

void Scheduler::recover() {
  for (JobRecord& job : store_.read([](const StateTables& tables) { return tables.active_jobs(""); })) {
    if (job.needs_secrets && !has_secrets(job.id)) {
      const Json error =
          Problem(
              500, "lost-credentials", "the host was restarted, and it keeps credentials in memory only", "",
              "submit the job again, or give credentials by reference (an environment variable or a file)")
              .json();
      store_.write([&](Store::Change& change) {
        if (job.state == JobState::kQueued)
          change_state(change, job, JobState::kRunning, options_.now_us(), "");
        job.error = error;
        change_state(change, job, JobState::kFailed, options_.now_us(), "lost credentials");
        return true;
      });
    } else if (job.state == JobState::kRunning && !runs_.contains(job.engine)) {
      begin(std::move(job));
    }
  }
}

// A job of the record, QUEUED or left RUNNING, as its next attempt.
void Scheduler::begin(JobRecord job) {
  const bool again = job.state == JobState::kRunning, settles = again && job.cancel_requested;
  const bool began = store_.write([&](Store::Change& change) {
    std::optional<JobRecord> now = change.tables.job(job.id);
    if (!now || is_final(now->state)) return false;  // canceled meanwhile
    job = *now;
    if (!settles) ++job.attempt;
    change_state(change, job, JobState::kRunning, options_.now_us(),
                 again ? fmt::format("attempt {}, after the host was restarted", job.attempt) : "");
    return true;
  });
  if (!began) return;
  if (!again) queued_milliseconds_ += std::max<int64_t>(0, (*job.started_us - job.created_us) / 1000);
  auto run = std::make_unique<JobRun>(store_, job, options_.now_us);
  run->canceling = settles;
  try {
    run->settling = settles;
    launch(*run, settles ? "settle" : "");
  } catch (const std::exception& error) {
    run->failure = Problem(500, "io", error.what()).json();
    run->ended = Ending();
  }
  runs_[job.engine] = std::move(run);
}

void Scheduler::launch(JobRun& run, std::string_view action) {
  const JobRecord& job = run.job();
  const std::optional<EngineRecord> engine =
      store_.read([&](const StateTables& tables) { return tables.engine(job.engine); });
  const EngineSize* size = engine ? sizes_.find(engine->size) : nullptr;
  Json document =
      job_document(job, action, size != nullptr ? *size : *sizes_.find(kDefaultSize), options_.folders);
  if (job.needs_secrets) {
    const std::lock_guard lock(secrets_mutex_);
    document["secrets"] = secrets_[job.id];
  }
  fs::create_directories(options_.folders.job(job.id));
  if (size != nullptr) run.memory_limit_bytes = size->memory_limit_bytes;
  if (action.empty()) ++attempts_;
  run.set_attempt(launcher_.start({job.id, document.dump(-1, ' ', false, Json::error_handler_t::replace),
                                   size != nullptr ? size->memory_limit_bytes : std::nullopt}));
}

void Scheduler::start_queued() {
  const std::vector<std::string> engines =
      store_.read([](const StateTables& tables) { return tables.engines_with_queued_jobs(); });
  for (const std::string& engine : engines) {
    if (runs_.contains(engine)) continue;
    std::optional<JobRecord> job =
        store_.read([&](const StateTables& tables) { return tables.next_queued(engine); });
    if (job) begin(std::move(*job));
  }
}

void Scheduler::stop_canceled() {
  for (auto& [engine, run] : runs_) {
    if (run->canceling || run->settling) continue;
    const std::optional<JobRecord> job =
        store_.read([&](const StateTables& tables) { return tables.job(run->job().id); });
    if (!job || !job->cancel_requested) continue;
    run->canceling = true;
    run->attempt()->stop(false);
    run->kill_at = steady_clock::now() + options_.cancel_grace;
  }
}

void Scheduler::kill_overdue() {
  for (auto& [engine, run] : runs_)
    if (run->kill_at && steady_clock::now() >= *run->kill_at) {
      run->attempt()->stop(true);
      run->kill_at.reset();
    }
}

void Scheduler::read_news() {
  for (auto run = runs_.begin(); run != runs_.end();) {
    bool over = false;
    try {
      if (!run->second->ended) run->second->ended = run->second->take();
      over = run->second->ended && on_ended(*run->second, *run->second->ended);
    } catch (
        const std::exception&) {  // its end could not be written: again in a moment, or at the next start
      retry_at_ = steady_clock::now() + kRetryAfter;
      over = stopping_;
    }
    if (!over) {
      ++run;
      continue;
    }
    run = runs_.erase(run);
    changed_ = true;
    wake();
  }
}

bool Scheduler::on_ended(JobRun& run, const Ending& ending) {
  run.kill_at.reset();
  const Verdict& verdict = run.verdict();
  if (verdict.result && (!run.settling || verdict.result->contains("outputs"))) {
    complete(run, *verdict.result);
    return true;
  }
  if (!run.settling) {
    if (verdict.error) run.failure = verdict.error;
    if (!verdict.error && !verdict.stopped && !run.failure) run.failure = run.problem_of(ending);
    if (stopping_ && (!verdict.error || ending.signal != 0) && !run.canceling)
      return true;  // it goes on at the next start
    if (settle_first(run)) return false;
  }
  if (run.canceling)
    close(run, JobState::kCanceled, nullptr, "");
  else if (run.failure)
    close(run, JobState::kFailed, *run.failure, "");
  else
    close(run, JobState::kFailed,
          Problem(500, "killed", "something other than the host asked it to stop").json(), "");
  return true;
}

// Where an output may be half done: a child looks, and clears what is not committed.
bool Scheduler::settle_first(JobRun& run) {
  std::error_code ignored;
  if (!fs::exists(options_.folders.job(run.job().id) / kIntentFile, ignored)) return false;
  try {
    run.settling = true;
    launch(run, "settle");
    run.kill_at = steady_clock::now() + kSettleLimit;
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void Scheduler::complete(JobRun& run, const Json& told) {
  run.complete(told);
  drop_secrets(run.job().id);
  std::error_code ignored;
  fs::remove(options_.folders.job(run.job().id) / kIntentFile, ignored);
}

void Scheduler::close(JobRun& run, JobState state, const Json& error, const std::string& reason) {
  const fs::path folder = options_.folders.job(run.job().id), model = options_.folders.model(run.job().id);
  std::error_code ignored;  // whoever sees the end finds nothing half done
  fs::remove_all(model / kResumeFolder, ignored);
  if (state == JobState::kCanceled || !fs::exists(model / kCheckpointFile, ignored))
    fs::remove_all(folder, ignored);
  run.end(state, error, reason);
  drop_secrets(run.job().id);
}

void Scheduler::suspend_idle_engines() {
  next_suspend_.reset();
  const SteadyTime now = steady_clock::now();
  for (EngineRecord& engine : store_.read([](const StateTables& tables) { return tables.engines(); })) {
    Idle& idle = idle_[engine.id];
    const bool busy = runs_.contains(engine.name);
    if (busy || idle.updated_us != engine.updated_us) idle = {engine.updated_us, now};
    if (busy || engine.state != EngineState::kReady || !engine.auto_suspend_minutes) continue;
    const SteadyTime due = idle.since + options_.minute * *engine.auto_suspend_minutes;
    if (due > now) {
      next_suspend_ = std::min(due, next_suspend_.value_or(due));
      continue;
    }
    store_.write([&](Store::Change& change) {
      std::optional<EngineRecord> record = change.tables.engine(engine.name);
      if (!record || record->state != EngineState::kReady || change.tables.has_active_jobs(engine.name))
        return false;
      record->state = EngineState::kSuspended;
      record->updated_us = std::max(options_.now_us(), record->updated_us);
      change.tables.update(*record);
      return true;
    });
  }
}

void Scheduler::prune() {
  next_prune_ = steady_clock::now() + kPruneEvery;
  constexpr int64_t kDay = int64_t{86'400} * 1'000'000;
  const int64_t before_us = options_.now_us() - options_.keep_days * kDay;
  const bool more = store_.write([&](Store::Change& change) {
    const auto jobs = change.tables.outdated_jobs(options_.keep_jobs, before_us);
    for (const auto& [place, id] : jobs) change.tables.remove_job(place);
    return !jobs.empty();
  });
  if (more) next_prune_ = steady_clock::now();
}

void Scheduler::publish_rate() {
  double sum = 0;
  for (const auto& [engine, run] : runs_) sum += run->seeds_per_second();
  seeds_per_second_ = sum;
}

std::optional<SteadyTime> Scheduler::next_deadline() const {
  std::optional<SteadyTime> out = tasks_.next_deadline();
  const auto consider = [&](const std::optional<SteadyTime>& time) {
    if (time && (!out || *time < *out)) out = *time;
  };
  for (const auto& [engine, run] : runs_) consider(run->kill_at);
  consider(next_suspend_);
  consider(next_prune_);
  if (retry_at_ > steady_clock::now()) consider(retry_at_);
  return out;
}

void Scheduler::wait() {
  std::vector<pollfd> descriptors{{wake_.get(), POLLIN, 0}};
  for (const auto& [engine, run] : runs_)
    if (!run->ended)
      for (const int descriptor : run->attempt()->descriptors())
        descriptors.push_back({descriptor, POLLIN, 0});
  for (const int descriptor : tasks_.descriptors()) descriptors.push_back({descriptor, POLLIN, 0});
  int milliseconds = -1;
  if (const std::optional<SteadyTime> deadline = next_deadline()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - steady_clock::now()).count();
    milliseconds = static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
  }
  if (::poll(descriptors.data(), descriptors.size(), milliseconds) <= 0) return;
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = ::read(wake_.get(), &count, sizeof count);
}

}  // namespace rle
