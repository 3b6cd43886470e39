// GET /v1/jobs/{id}/events, /logs, /predictions, /embeddings: those that stream.
#include <fmt/format.h>

#include <charconv>

#include "server/file_sender.h"
#include "server/follower.h"
#include "server/routes.h"

namespace rle {
namespace {

// The event after Last-Event-ID, where the client was cut off, counts before ?from=.
int64_t first_event(const Call& call) {
  const int64_t from = number_of(call, "from", 1, INT64_MAX).value_or(1);
  const std::optional<std::string> last = call.request.header("last-event-id");
  if (!last || last->empty()) return from;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(last->data(), last->data() + last->size(), value);
  if (error != std::errc() || end != last->data() + last->size() || value < 0 || value == INT64_MAX)
    refuse_value("Last-Event-ID", *last, "the number of an event");
  return value + 1;
}

void events(Call& call, Host& host, bool as_log) {
  const bool sse = call.request.header("accept").value_or("").find("text/event-stream") != std::string::npos;
  EventForm form = as_log ? log_text() : sse ? server_sent_events() : json_lines();
  Follower::start(host,
                  {call.arguments.at("id"), first_event(call), flag_of(call, "follow"), std::move(form)},
                  call.responder);
}

void output(Call& call, Host& host, const char* role) {
  const std::string& id = call.arguments.at("id");
  const std::string format = call.arguments.has("format") ? call.arguments.get("format") : "parquet";
  if (format != "parquet" && format != "csv") refuse_value("format", format, "parquet or csv");
  const OutputChoice choice{role, call.arguments.has("table") ? call.arguments.get("table") : ""};
  const std::string type = format == "csv" ? "text/csv; charset=utf-8" : "application/vnd.apache.parquet";
  const std::string name = fmt::format("attachment; filename=\"{}-{}.{}\"", role, id, format);
  send_file(host.output_file(id, choice, format), {200, type, "", {{"Content-Disposition", name}}},
            call.responder);
}

}  // namespace

void add_event_routes(Router& router, RouteContext& context) {
  Host& host = context.host;
  router.add({.method = "GET",
              .path = "/v1/jobs/{id}/events",
              .query = {"from", "follow"},
              .handler = guarded([&host](Call& call) { events(call, host, false); }, context.mistake)});
  router.add({.method = "GET",
              .path = "/v1/jobs/{id}/logs",
              .query = {"from", "follow"},
              .handler = guarded([&host](Call& call) { events(call, host, true); }, context.mistake)});
  router.add(
      {.method = "GET",
       .path = "/v1/jobs/{id}/predictions",
       .query = {"format"},
       .slow = true,
       .handler = guarded([&host](Call& call) { output(call, host, "predictions"); }, context.mistake)});
  router.add(
      {.method = "GET",
       .path = "/v1/jobs/{id}/embeddings",
       .query = {"table", "format"},
       .slow = true,
       .handler = guarded([&host](Call& call) { output(call, host, "embeddings"); }, context.mistake)});
}

}  // namespace rle
