// A fixed set of threads that share loops. How a loop is cut into chunks depends on its arguments only, never
// on the number of threads, so that work which writes one result per chunk gives the same bits with any
// number of threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace rle {

// Owned by the job; passed by reference to whatever computes. `for_chunks` may be called from one thread at a
// time. Threads are started by the first loop that is shared: what refuses a job before has none.
class ThreadPool {
 public:
  // threads >= 1; the calling thread is one of them.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls body(begin, end) for [0, chunk), [chunk, 2 chunk), ... of [0, n), each chunk once, in any order and
  // thread. The first exception is rethrown here after all threads have stopped. A call from inside a body
  // runs in place. Error{kIo}: the threads can't be started, with what may be done.
  void for_chunks(int64_t n, int64_t chunk, const std::function<void(int64_t begin, int64_t end)>& body);

  // Calls body(i) for every i of [0, n): chunks of one.
  void for_each(int64_t n, const std::function<void(int64_t i)>& body);

 private:
  void start();
  void stop();
  void work();
  void drain();

  int threads_;
  std::vector<std::thread> workers_;  // threads_ - 1, or none yet
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  uint64_t generation_ = 0;
  int busy_ = 0;
  bool stop_ = false;

  const std::function<void(int64_t, int64_t)>* body_ = nullptr;
  int64_t n_ = 0, chunk_ = 1;
  std::atomic<int64_t> next_{0};
  std::exception_ptr error_;
};

// What the system reserves for each thread that is started.
int64_t thread_stack_bytes();

// The number of CPUs this process may run on.
int available_cpus();

}  // namespace rle
