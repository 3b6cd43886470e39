// state.sqlite while a host runs: changes by one thread, those that wait together in one transaction;
// questions by a connection of their own, which never wait for a change. WAL: who asks sees what was
// committed.
#pragma once

#include <condition_variable>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "server/state_tables.h"

namespace rle {

// Owned by the host. Thread-safe, but `committed`, which is called from the writing thread.
class Store {
 public:
  // Opens, migrates. committed: after each transaction that touched jobs, with their ids; must not block.
  // Error{kIo}: no permission, no SQLite file. Error{kSpec}: a newer version.
  Store(const std::filesystem::path& file,
        std::function<void(const std::vector<std::string>& jobs)> committed);
  // Waits for the changes that were asked for.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // What a change sees: the tables, and the jobs to tell of.
  struct Change {
    const StateTables& tables;
    std::vector<std::string> touched;
  };

  // Makes a change and waits until it is on disk: it is there after a loss of power too. What `change` throws
  // is thrown here, and then nothing of it is kept.
  template <typename F>
  auto write(F&& change) -> decltype(change(std::declval<Change&>())) {
    using Result = decltype(change(std::declval<Change&>()));
    const auto promise = std::make_shared<std::promise<Result>>();
    std::future<Result> future = promise->get_future();
    std::optional<Result> result;
    submit({[&](Change& now) { result.emplace(change(now)); },
            [&result, promise](std::exception_ptr error) {
              if (error)
                promise->set_exception(error);
              else
                promise->set_value(std::move(*result));
            },
            true});
    return future.get();
  }

  // Makes a change some time soon, in the order of all changes. It is there after the process is killed; a
  // loss of power may undo the last moments. It must not throw but what a full disk throws, which is kept
  // from it.
  void post(std::function<void(Change&)> change);

  // Asks. `question` runs on the caller's thread with the tables.
  template <typename F>
  auto read(F&& question) const {
    const std::lock_guard lock(read_mutex_);
    return question(static_cast<const StateTables&>(read_tables_));
  }

 private:
  struct Task {
    std::function<void(Change&)> change;
    std::function<void(std::exception_ptr)> done;  // empty: nobody waits
    bool durable = false;
  };
  void submit(Task task);
  void work();
  void commit(std::vector<Task> tasks);

  SqliteConnection write_connection_;
  StateTables write_tables_{write_connection_};
  std::unique_ptr<SqliteConnection> read_connection_;
  StateTables read_tables_;
  mutable std::mutex read_mutex_;
  const std::function<void(const std::vector<std::string>&)> committed_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Task> waiting_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace rle
