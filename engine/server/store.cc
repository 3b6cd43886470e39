#include "server/store.h"

#include <algorithm>

#include "base/error.h"
#include "server/migrations.h"

namespace rle {
namespace {

// Opened for reading once the file has its form.
std::unique_ptr<SqliteConnection> prepare(const SqliteConnection& writer, const std::filesystem::path& file) {
  writer.execute("PRAGMA journal_mode = WAL");
  writer.execute("PRAGMA synchronous = FULL");
  migrate(writer);
  return std::make_unique<SqliteConnection>(file, true);
}

}  // namespace

Store::Store(const std::filesystem::path& file,
             std::function<void(const std::vector<std::string>&)> committed)
    : write_connection_(file, false),
      read_connection_(prepare(write_connection_, file)),
      read_tables_(*read_connection_),
      committed_(std::move(committed)),
      thread_([this] { work(); }) {}

Store::~Store() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Store::post(std::function<void(Change&)> change) { submit({std::move(change), {}, false}); }

void Store::submit(Task task) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void Store::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::vector<Task> tasks = std::exchange(waiting_, {});
    lock.unlock();
    commit(std::move(tasks));
    lock.lock();
  }
}

void Store::commit(std::vector<Task> tasks) {
  const bool durable = std::any_of(tasks.begin(), tasks.end(), [](const Task& task) { return task.durable; });
  std::vector<std::exception_ptr> errors(tasks.size());
  std::vector<std::string> touched;
  try {
    write_connection_.execute(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    write_connection_.execute("BEGIN IMMEDIATE");
    for (size_t i = 0; i < tasks.size(); ++i) {
      Change change{write_tables_, {}};
      write_connection_.execute("SAVEPOINT change");
      try {
        tasks[i].change(change);
        write_connection_.execute("RELEASE change");
        touched.insert(touched.end(), change.touched.begin(), change.touched.end());
      } catch (...) {
        errors[i] = std::current_exception();
        write_connection_.execute("ROLLBACK TO change");
        write_connection_.execute("RELEASE change");
      }
    }
    write_connection_.execute("COMMIT");
  } catch (...) {
    errors.assign(tasks.size(), std::current_exception());
    touched.clear();
    try {
      write_connection_.execute("ROLLBACK");
    } catch (const Error&) {  // there was none left
    }
  }
  for (size_t i = 0; i < tasks.size(); ++i)
    if (tasks[i].done) tasks[i].done(errors[i]);
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  if (!touched.empty() && committed_) committed_(touched);
}

}  // namespace rle
