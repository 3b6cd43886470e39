// /v1/jobs, but what of them streams; /v1/models
#include <algorithm>

#include "server/json_body.h"
#include "server/routes.h"

namespace rle {
namespace {

constexpr size_t kLongestKey = 200;

Response list(Call& call, Host& host) {
  JobFilter filter;
  const Arguments& arguments = call.arguments;
  if (arguments.has("state")) {
    filter.state = job_state_of(arguments.get("state"));
    if (!filter.state)
      refuse_value("state", arguments.get("state"), "QUEUED, RUNNING, COMPLETED, FAILED or CANCELED");
  }
  if (arguments.has("kind")) {
    filter.kind = job_kind_of(arguments.get("kind"));
    if (!filter.kind) refuse_value("kind", arguments.get("kind"), "fit, predict or fit_predict");
  }
  filter.engine = arguments.get("engine");
  filter.before = arguments.get("before");
  filter.limit = number_of(call, "limit", 1, 1000).value_or(filter.limit);
  const JobPage page = host.jobs(filter);
  return json_response(200,
                       {{"jobs", page.jobs}, {"next", page.next.empty() ? Json(nullptr) : Json(page.next)}});
}

std::string idempotency_key(const Request& request) {
  const std::optional<std::string> key = request.header("idempotency-key");
  if (!key) return "";
  const bool printable = std::all_of(key->begin(), key->end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (key->empty() || key->size() > kLongestKey || !printable)
    throw Problem(400, "invalid-request", "Idempotency-Key is expected to be 1 to 200 characters of ASCII",
                  "Idempotency-Key");
  return *key;
}

Response create(Call& call, RouteContext& context) {
  const std::string key = idempotency_key(call.request);
  const Json request = read_object(call.request, kJobMembers);
  const Host::Created created = context.host.create_job(request, context.user, key);
  Response answer = json_response(created.is_new ? 201 : 200, created.job);
  answer.headers.emplace_back("Location", "/v1/jobs/" + created.job.at("id").get<std::string>());
  return answer;
}

[[noreturn]] Response models_are_not_built() {
  throw Problem(501, "not-built", "a register of models is not built yet", "",
                "the model of a job is named by the job's id, as model.run_id");
}

}  // namespace

void add_job_routes(Router& router, RouteContext& context) {
  Host& host = context.host;
  const auto add = [&](std::string method, std::string path, std::vector<std::string> query,
                       std::function<Response(Call&)> action, bool slow = false) {
    router.add({.method = std::move(method),
                .path = std::move(path),
                .query = std::move(query),
                .slow = slow,
                .handler = answering(std::move(action), context.mistake)});
  };
  add("GET", "/v1/jobs", {"state", "engine", "kind", "limit", "before"},
      [&host](Call& call) { return list(call, host); });
  add(
      "POST", "/v1/jobs", {}, [&context](Call& call) { return create(call, context); }, true);
  add("GET", "/v1/jobs/{id}", {},
      [&host](Call& call) { return json_response(200, host.job(call.arguments.at("id"))); });
  add("GET", "/v1/jobs/{id}/request", {},
      [&host](Call& call) { return json_response(200, host.job_request(call.arguments.at("id"))); });
  add("DELETE", "/v1/jobs/{id}", {}, [&host](Call& call) {
    host.delete_job(call.arguments.at("id"));
    return Response{204, "", "", {}};
  });
  add("POST", "/v1/jobs/{id}/cancel", {},
      [&host](Call& call) { return json_response(200, host.cancel_job(call.arguments.at("id"))); });
  add("POST", "/v1/jobs/{id}/register", {}, [&host](Call& call) {
    text_member(read_object(call.request, {"name"}), "name");
    host.job(call.arguments.at("id"));
    return models_are_not_built();
  });
  add("GET", "/v1/models", {}, [](Call&) { return models_are_not_built(); });
}

}  // namespace rle
