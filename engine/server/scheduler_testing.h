// For tests: attempts that do what the test says, and a record to run jobs from.
#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/temporary_folder.h"
#include "server/scheduler.h"
#include "server/submission.h"

namespace rle::server_testing {

// Waits up to ten seconds.
inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

// What the test sees of one attempt. Thread-safe.
class Puppet {
 public:
  explicit Puppet(Json document)
      : document(std::move(document)), ready_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void tell(Json event) {
    const std::lock_guard lock(mutex_);
    if (!event.contains("attempt")) event["attempt"] = document["attempt"];
    if (!event.contains("seq")) event["seq"] = ++seq_;
    news_.events.push_back(event.dump());
    ring();
  }
  void other(const std::string& line) {
    const std::lock_guard lock(mutex_);
    news_.other.push_back(line);
    ring();
  }
  void end(Ending ending = {}) {
    const std::lock_guard lock(mutex_);
    news_.ending = ending;
    ring();
  }
  void complete() {
    tell({{"type", "result"}, {"result", {{"epochs", 1}}}, {"outputs", Json::array()}});
    end();
  }

  const Json document;
  std::atomic<int> asked_to_stop{0}, killed{0};
  std::atomic<bool> obeys{true};  // ends when it is asked to stop

 private:
  friend class PuppetAttempt;
  void ring() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(ready_.get(), &one, sizeof one);
  }
  std::mutex mutex_;
  Attempt::News news_;
  int64_t seq_ = 0;
  Descriptor ready_;
};

class PuppetAttempt : public Attempt {
 public:
  explicit PuppetAttempt(std::shared_ptr<Puppet> puppet) : puppet_(std::move(puppet)) {}
  std::vector<int> descriptors() const override { return {puppet_->ready_.get()}; }
  News poll() override {
    const std::lock_guard lock(puppet_->mutex_);
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t drained = ::read(puppet_->ready_.get(), &count, sizeof count);
    return std::exchange(puppet_->news_, {});
  }
  void stop(bool at_once) override {
    if (at_once) {
      ++puppet_->killed;
      puppet_->end({.signal = SIGKILL});
      return;
    }
    ++puppet_->asked_to_stop;
    if (!puppet_->obeys) return;
    puppet_->tell({{"type", "stopped"}});
    puppet_->end();
  }

 private:
  std::shared_ptr<Puppet> puppet_;
};

class PuppetLauncher : public Launcher {
 public:
  std::unique_ptr<Attempt> start(const LaunchOrder& order) override {
    const std::lock_guard lock(mutex_);
    puppets_.push_back(std::make_shared<Puppet>(Json::parse(order.document)));
    return std::make_unique<PuppetAttempt>(puppets_.back());
  }
  size_t count() {
    const std::lock_guard lock(mutex_);
    return puppets_.size();
  }
  // The n-th that was started, from 0.
  Puppet& at(size_t n) {
    EXPECT_TRUE(eventually([&] { return count() > n; })) << "attempt " << n << " was not started";
    const std::lock_guard lock(mutex_);
    return *puppets_.at(n);
  }

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<Puppet>> puppets_;
};

// "STATUS NAME FIELD" of the problem; "accepted".
template <typename Call>
std::string verdict(Call&& call) {
  try {
    call();
    return "accepted";
  } catch (const Problem& problem) {
    return fmt::format("{} {} {}", problem.status, problem.name, problem.field);
  }
}

class FolderOfTest : public ::testing::Test {
 protected:
  TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
};

}  // namespace rle::server_testing
