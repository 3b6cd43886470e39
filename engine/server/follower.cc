#include "server/follower.h"

#include <chrono>

#include <fmt/format.h>

namespace rle {
namespace {

constexpr int64_t kEventsAtOnce = 500;
constexpr std::chrono::seconds kHeartbeat{10};

const char* content_type(EventForm form) {
  switch (form) {
    case EventForm::kServerSent:
      return "text/event-stream";
    case EventForm::kJsonLines:
      return "application/x-ndjson";
    case EventForm::kLogText:
      return "text/plain; charset=utf-8";
  }
  return "";
}

std::string member(const Json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

void Follower::start(Host& host, Asked asked, std::shared_ptr<Responder> responder) {
  host.events(asked.job, asked.from, 1);  // is the job there?
  std::make_shared<Follower>(host, std::move(asked), std::move(responder))->begin();
}

void Follower::begin() {
  const std::shared_ptr<Follower> self = shared_from_this();
  responder_->begin({200, content_type(asked_.form), "", {{"X-Accel-Buffering", "no"}}});
  if (asked_.follow && asked_.form != EventForm::kLogText)
    responder_->every(kHeartbeat, [self] {
      if (self->responder_->pending_bytes() == 0)
        self->responder_->write(self->asked_.form == EventForm::kServerSent ? ": \n\n" : "\n");
    });
  responder_->when_closed([self] {
    const std::lock_guard lock(self->mutex_);
    self->subscription_.reset();
  });
  pump();
}

void Follower::pump() {
  const std::lock_guard lock(mutex_);
  if (responder_->closed()) return;
  Host::Events found;
  try {
    found = host_.events(asked_.job, next_, kEventsAtOnce);
  } catch (const std::exception&) {  // deleted meanwhile
    return responder_->finish();
  }
  std::string text;
  for (const EventRecord& event : found.events) {
    text += text_of(event);
    next_ = event.seq + 1;
  }
  if (!text.empty()) responder_->write(std::move(text));
  if (!found.events.empty()) return responder_->when_drained([self = shared_from_this()] { self->pump(); });
  if (found.final || !asked_.follow) return responder_->finish();
  wait_for_more();
}

void Follower::wait_for_more() {
  try {
    subscription_ = host_.when_events(asked_.job, next_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->responder_->run([self] { self->pump(); });
    });
  } catch (const std::exception&) {
    responder_->finish();
  }
}

std::string Follower::text_of(const EventRecord& event) const {
  if (asked_.form == EventForm::kLogText) {
    if (event.type != "log") return "";
    const std::string severity = member(event.body, "severity");
    const std::string mark = severity == "INFO" || severity.empty() ? "" : severity + ": ";
    return mark + member(event.body, "text") + "\n";
  }
  const std::string text = to_json(event).dump(-1, ' ', false, Json::error_handler_t::replace);
  return asked_.form == EventForm::kServerSent ? fmt::format("id: {}\ndata: {}\n\n", event.seq, text)
                                               : text + "\n";
}

}  // namespace rle
