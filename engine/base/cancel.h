// A flag that asks long work to stop. Owned by whoever starts the work; thread-safe; may be set from a signal
// handler.
#pragma once

#include <atomic>

namespace rle {

class CancelToken {
 public:
  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> requested_{false};
  static_assert(std::atomic<bool>::is_always_lock_free);
};

}  // namespace rle
