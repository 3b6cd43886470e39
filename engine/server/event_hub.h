// Who waits for events of jobs, without a thread for each.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace rle {

// Thread-safe.
class EventHub {
 public:
  // How far a job is; `over`: there will be no more events, or there is no such job.
  struct Progress {
    int64_t last_event = 0;
    bool over = false;
  };
  using Look = std::function<Progress(const std::string& job)>;
  explicit EventHub(Look look) : look_(std::move(look)) {}

  // As Host::when_events. The handle's end waits for a call of `wake` that is going on in another thread.
  std::shared_ptr<void> subscribe(const std::string& job, int64_t from, std::function<void()> wake);
  // These jobs have changed.
  void notify(const std::vector<std::string>& jobs);

 private:
  struct Subscription {
    int64_t from = 0;
    std::function<void()> wake;
    std::recursive_mutex mutex;  // held while wake runs
    bool done = false;
    void fire();
  };
  using Subscriptions = std::multimap<std::string, std::weak_ptr<Subscription>>;

  const Look look_;
  std::mutex mutex_;
  Subscriptions subscriptions_;
};

}  // namespace rle
