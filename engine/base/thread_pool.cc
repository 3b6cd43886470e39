#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>

#include "base/error.h"
#include "base/memory.h"

namespace rle {
namespace {
thread_local bool inside_body = false;
}

ThreadPool::ThreadPool(int threads) : threads_(threads) { RLE_CHECK(threads >= 1); }

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::start() {
  if (!workers_.empty()) return;
  try {
    workers_.reserve(static_cast<size_t>(threads_) - 1);
    while (threads() > static_cast<int>(workers_.size()) + 1) workers_.emplace_back([this] { work(); });
  } catch (const std::exception& error) {
    stop();
    const std::optional<int64_t> limit = memory_limit();
    fail(ErrorCode::kIo,
         "{} threads cannot be started ({}): each takes {} for its stack{}; use fewer threads (--threads){}",
         threads_, error.what(), bytes_text(thread_stack_bytes()),
         limit ? fmt::format(", and the memory limit is {}", bytes_text(*limit)) : "",
         limit ? ", or raise the limit (--memory-limit)" : "");
  }
}

void ThreadPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
  stop_ = false;
}

void ThreadPool::for_chunks(int64_t n, int64_t chunk, const std::function<void(int64_t, int64_t)>& body) {
  RLE_CHECK(chunk > 0);
  if (n <= 0) return;
  if (threads_ == 1 || n <= chunk || inside_body) {
    for (int64_t begin = 0; begin < n; begin += chunk) body(begin, std::min(n, begin + chunk));
    return;
  }
  start();
  {
    std::lock_guard lock(mutex_);
    body_ = &body;
    n_ = n;
    chunk_ = chunk;
    next_ = 0;
    error_ = nullptr;
    busy_ = static_cast<int>(workers_.size());
    ++generation_;
  }
  wake_.notify_all();
  drain();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return busy_ == 0; });
  body_ = nullptr;
  if (error_) std::rethrow_exception(error_);
}

void ThreadPool::for_each(int64_t n, const std::function<void(int64_t)>& body) {
  for_chunks(n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i);
  });
}

void ThreadPool::drain() {
  inside_body = true;
  for (;;) {
    const int64_t begin = next_.fetch_add(chunk_);
    if (begin >= n_) break;
    try {
      (*body_)(begin, std::min(n_, begin + chunk_));
    } catch (...) {
      next_ = n_;
      std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
  inside_body = false;
}

void ThreadPool::work() {
  uint64_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
    }
    drain();
    std::lock_guard lock(mutex_);
    if (--busy_ == 0) done_.notify_one();
  }
}

int64_t thread_stack_bytes() {
  pthread_attr_t attributes;
  size_t bytes = size_t{8} << 20;
  if (::pthread_getattr_default_np(&attributes) != 0) return static_cast<int64_t>(bytes);
  ::pthread_attr_getstacksize(&attributes, &bytes);
  ::pthread_attr_destroy(&attributes);
  return static_cast<int64_t>(bytes);
}

int available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace rle
