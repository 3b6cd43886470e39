#include "server/event_hub.h"

namespace rle {

void EventHub::Subscription::fire() {
  const std::lock_guard lock(mutex);
  if (done) return;
  done = true;
  wake();
}

std::shared_ptr<void> EventHub::subscribe(const std::string& job, int64_t from, std::function<void()> wake) {
  const auto subscription = std::make_shared<Subscription>();
  subscription->from = from;
  subscription->wake = std::move(wake);
  Subscriptions::iterator place;
  {
    const std::lock_guard lock(mutex_);
    place = subscriptions_.emplace(job, subscription);
  }
  std::shared_ptr<void> handle(subscription.get(), [this, subscription, place](void*) {
    {
      const std::lock_guard lock(mutex_);
      subscriptions_.erase(place);
    }
    const std::lock_guard lock(subscription->mutex);
    subscription->done = true;
  });
  const Progress now = look_(job);
  if (now.over || now.last_event >= from) subscription->fire();
  return handle;
}

void EventHub::notify(const std::vector<std::string>& jobs) {
  std::vector<std::shared_ptr<Subscription>> due;
  for (const std::string& job : jobs) {
    {
      const std::lock_guard lock(mutex_);
      if (!subscriptions_.contains(job)) continue;
    }
    const Progress now = look_(job);
    const std::lock_guard lock(mutex_);
    const auto [begin, end] = subscriptions_.equal_range(job);
    for (auto each = begin; each != end; ++each)
      if (const auto subscription = each->second.lock();
          subscription && (now.over || now.last_event >= subscription->from))
        due.push_back(subscription);
  }
  for (const auto& subscription : due) subscription->fire();
}

}  // namespace rle
