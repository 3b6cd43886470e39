// Threads that run what is pushed, first in, first out. Thread-safe; owned by the server.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace rle {

class WorkQueue {
 public:
  explicit WorkQueue(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~WorkQueue() { stop(); }

  // False where `most` wait already, or after stop.
  bool push(std::function<void()> action, size_t most = SIZE_MAX) {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_ || actions_.size() >= most) return false;
      actions_.push_back(std::move(action));
    }
    wake_.notify_one();
    return true;
  }

  // Drops what waits, and returns when what runs has ended.
  void stop() {
    std::deque<std::function<void()>> dropped;  // destroyed outside the lock
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      dropped.swap(actions_);
    }
    wake_.notify_all();
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }

 private:
  void work() {
    for (;;) {
      std::function<void()> action;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopped_ || !actions_.empty(); });
        if (stopped_) return;
        action = std::move(actions_.front());
        actions_.pop_front();
      }
      action();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> actions_;
  std::vector<std::thread> threads_;
  bool stopped_ = false;
};

}  // namespace rle
