// Sends a job's events to one client as they come, without a thread: woken by the host, slowed by the client.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "http/server.h"
#include "server/host.h"

namespace rle {

enum class EventForm { kServerSent, kJsonLines, kLogText };

// Held by what will wake it: the responder's actions and, weakly, the host's subscription.
class Follower : public std::enable_shared_from_this<Follower> {
 public:
  struct Asked {
    std::string job;
    int64_t from = 1;
    bool follow = false;  // until the job is final; else what there is
    EventForm form = EventForm::kJsonLines;
  };

  // Problem 404: there is no such job.
  static void start(Host& host, Asked asked, std::shared_ptr<Responder> responder);

  Follower(Host& host, Asked asked, std::shared_ptr<Responder> responder)
      : host_(host), asked_(std::move(asked)), responder_(std::move(responder)), next_(asked_.from) {}

 private:
  void begin();
  void pump();
  void wait_for_more();
  std::string text_of(const EventRecord& event) const;

  Host& host_;
  const Asked asked_;
  const std::shared_ptr<Responder> responder_;
  std::mutex mutex_;
  int64_t next_;
  std::shared_ptr<void> subscription_;
};

}  // namespace rle
