// /v1alpha1: {"data": ...}, or a problem document whose "detail" has the words that its clients go by.
#include <algorithm>
#include <array>
#include <memory>

#include "server/follower.h"
#include "server/json_body.h"
#include "server/routes.h"
#include "server/v1alpha1/log_lines.h"
#include "server/v1alpha1/payload.h"
#include "server/v1alpha1/requests.h"

namespace rle {
namespace {

Response data_response(Json data) { return json_response(200, {{"data", std::move(data)}}); }

// As answering(), with the words of this protocol in what is refused.
std::function<void(Call&)> answering_v1alpha1(std::function<Json(Call&)> action, const Mistake& mistake) {
  return answering(
      [action = std::move(action)](Call& call) {
        try {
          return data_response(action(call));
        } catch (Problem& problem) {
          problem.detail = v1alpha1::detail_of(problem);
          problem.advice.clear();
          throw;
        }
      },
      mistake);
}

// Clients poll these: they must not wait behind looks at tables.
bool asks_the_record(const Request& request) {
  constexpr size_t kMostBytes = 4 << 10;  // more than such a request has; larger ones aren't read here
  if (request.body.size() > kMostBytes) return false;
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return true;  // it is refused at once
  const Json* type = v1alpha1::find(v1alpha1::payload_of(body), "payload_type");
  if (type == nullptr) return true;
  constexpr std::array kQuick{"REQUEST_JOB_STATUS", "REQUEST_QUEUE_STATUS", "REQUEST_MLFLOW_RUN_ID",
                              "SEND_LOGS", "MONITOR_MLFLOW_LOGS"};
  return std::any_of(kQuick.begin(), kQuick.end(), [&](const char* quick) { return *type == quick; });
}

EventForm log_lines(const std::string& job) {
  const auto lines = std::make_shared<v1alpha1::LogLines>(job);
  const auto text = [lines](const EventRecord& event) {
    const std::optional<std::string> line = lines->line(event);
    return line ? *line + "\n" : "";
  };
  return {"text/plain; charset=utf-8", text, "", lines->end() + "\n"};
}

}  // namespace

void add_v1alpha1_routes(Router& router, RouteContext& context) {
  Host& host = context.host;
  router.add({.method = "POST",
              .path = "/v1alpha1/jobs/create/{id}",
              .query = {},
              .slow = true,  // a child looks at sources
              .handler = answering_v1alpha1(
                  [&host, &context](Call& call) {
                    return v1alpha1::Requests(host).create(call.arguments.at("id"),
                                                           parse_json(call.request.body), context.user);
                  },
                  context.mistake),
              .is_quick = asks_the_record});
  router.add({.method = "POST",
              .path = "/v1alpha1/jobs/cancel/{id}",
              .query = {},
              .handler = answering_v1alpha1(
                  [&host](Call& call) { return v1alpha1::Requests(host).cancel(call.arguments.at("id")); },
                  context.mistake)});
  router.add({.method = "GET",
              .path = "/v1alpha1/jobs/logs/{id}",
              .query = {},
              .handler = guarded(
                  [&host](Call& call) {
                    const std::string& job = call.arguments.at("id");
                    Follower::start(host, {job, 1, true, log_lines(job)}, call.responder);
                  },
                  context.mistake)});
}

}  // namespace rle
