#include "server/follower.h"

#include <fmt/format.h>

namespace rle {
namespace {

constexpr int64_t kEventsAtOnce = 500;
constexpr std::chrono::seconds kHeartbeat{10};

std::string member(const Json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string json_text(const EventRecord& event) {
  return to_json(event).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string log_line(const EventRecord& event) {
  if (event.type != "log") return "";
  const std::string severity = member(event.body, "severity");
  const std::string mark = severity == "INFO" || severity.empty() ? "" : severity + ": ";
  return mark + member(event.body, "text") + "\n";
}

}  // namespace

EventForm server_sent_events() {
  const auto text = [](const EventRecord& event) {
    return fmt::format("id: {}\ndata: {}\n\n", event.seq, json_text(event));
  };
  return {"text/event-stream", text, ": \n\n"};
}

EventForm json_lines() {
  return {"application/x-ndjson", [](const EventRecord& event) { return json_text(event) + "\n"; }, "\n"};
}

EventForm log_text() { return {"text/plain; charset=utf-8", log_line}; }

void Follower::start(Host& host, Asked asked, std::shared_ptr<Responder> responder) {
  host.events(asked.job, asked.from, 1);  // is the job there?
  std::make_shared<Follower>(host, std::move(asked), std::move(responder))->begin();
}

void Follower::begin() {
  const std::shared_ptr<Follower> self = shared_from_this();
  responder_->begin({200, asked_.form.content_type, "", {{"X-Accel-Buffering", "no"}}});
  if (asked_.follow && !asked_.form.heartbeat.empty())
    responder_->every(kHeartbeat, [self] {
      if (self->responder_->pending_bytes() == 0) self->responder_->write(self->asked_.form.heartbeat);
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
    text += asked_.form.text(event);
    next_ = event.seq + 1;
  }
  if (!text.empty()) responder_->write(std::move(text));
  if (!found.events.empty()) return responder_->when_drained([self = shared_from_this()] { self->pump(); });
  if (found.final && !asked_.form.end.empty()) responder_->write(asked_.form.end);
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

}  // namespace rle
