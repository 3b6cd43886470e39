#include "server/task_queue.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "server/problem.h"

namespace rle {
namespace {

constexpr size_t kMostWaiting = 256, kMostRunning = 4;

Problem stopping() { return {503, "busy", "the host is stopping", "", "try again when it is back"}; }

}  // namespace

std::future<Json> TaskQueue::add(Json document, std::chrono::seconds limit) {
  Task task;
  task.document = document.dump(-1, ' ', false, Json::error_handler_t::replace);
  task.limit = limit;
  std::future<Json> out = task.promise.get_future();
  const std::lock_guard lock(mutex_);
  if (stopped_) throw stopping();
  if (waiting_.size() >= kMostWaiting)
    throw Problem(503, "busy", "too many requests wait to be checked", "", "try again in a moment");
  waiting_.push_back(std::move(task));
  return out;
}

void TaskQueue::start_waiting(Launcher& launcher) {
  while (running_.size() < kMostRunning) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) return;
      running_.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    Task& task = running_.back();
    task.deadline = std::chrono::steady_clock::now() + task.limit;
    try {
      task.attempt = launcher.start({"task", task.document, std::nullopt});
    } catch (const Error& error) {
      task.promise.set_exception(std::make_exception_ptr(Problem(500, "io", error.what())));
      running_.pop_back();
    }
  }
}

std::vector<int> TaskQueue::descriptors() const {
  std::vector<int> out;
  for (const Task& task : running_)
    for (const int descriptor : task.attempt->descriptors()) out.push_back(descriptor);
  return out;
}

void TaskQueue::take() {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (auto task = running_.begin(); task != running_.end();) {
    if (now >= task->deadline && !task->timed_out) {
      task->timed_out = true;
      task->attempt->stop(true);
    }
    const Attempt::News news = task->attempt->poll();
    for (const std::string& line : news.events) {
      Json event = Json::parse(line, nullptr, false);
      if (event.is_object() && (event["type"] == "result" || event["type"] == "error"))
        task->told = std::move(event);
    }
    if (!news.other.empty()) task->last_line = news.other.back();
    if (!news.ending) {
      ++task;
      continue;
    }
    settle(*task, *news.ending);
    task = running_.erase(task);
  }
}

void TaskQueue::settle(Task& task, const Ending& ending) {
  const auto fail_with = [&](Problem problem) {
    task.promise.set_exception(std::make_exception_ptr(std::move(problem)));
  };
  if (task.told.is_object() && task.told["type"] == "result") {
    for (const char* key : {"attempt", "seq", "type"}) task.told.erase(key);
    return task.promise.set_value(std::move(task.told));
  }
  if (task.told.is_object()) {
    const std::string name = task.told.value("name", "internal");
    return fail_with({status_of_problem(name), name, task.told.value("detail", ""),
                      task.told.value("field", ""), task.told.value("advice", "")});
  }
  if (task.timed_out)
    return fail_with({504, "time-out", fmt::format("it took longer than {} seconds", task.limit.count())});
  fail_with({500, "internal",
             fmt::format("the process that looked into it ended by {} {}{}",
                         ending.signal != 0 ? "signal" : "exit code",
                         ending.signal != 0 ? ending.signal : ending.exit_code,
                         task.last_line.empty() ? "" : ": " + task.last_line)});
}

std::optional<SteadyTime> TaskQueue::next_deadline() const {
  std::optional<SteadyTime> out;
  for (const Task& task : running_)
    if (!task.timed_out && (!out || task.deadline < *out)) out = task.deadline;
  return out;
}

void TaskQueue::stop() {
  std::deque<Task> left;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    left = std::exchange(waiting_, {});
  }
  for (Task& task : left) task.promise.set_exception(std::make_exception_ptr(stopping()));
  for (Task& task : running_) task.promise.set_exception(std::make_exception_ptr(stopping()));
  running_.clear();  // kills them
}

}  // namespace rle
