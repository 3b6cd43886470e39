// /v1/engines
#include "server/json_body.h"
#include "server/routes.h"

namespace rle {
namespace {

Response list(Call& call, Host& host) {
  std::optional<EngineState> state;
  if (call.arguments.has("state")) {
    const std::string text = call.arguments.get("state");
    state = engine_state_of(text);
    if (!state) refuse_value("state", text, "READY or SUSPENDED");
  }
  return json_response(200, {{"engines", host.engines(state)}});
}

Response create(Call& call, RouteContext& context) {
  const Json request = read_object(call.request, {"name", "size", "settings"});
  const Json engine = context.host.create_engine(request, context.user);
  Response answer = json_response(201, engine);
  answer.headers.emplace_back("Location", "/v1/engines/" + engine.at("name").get<std::string>());
  return answer;
}

}  // namespace

void add_engine_routes(Router& router, RouteContext& context) {
  Host& host = context.host;
  const auto add = [&](std::string method, std::string path, std::vector<std::string> query,
                       std::function<Response(Call&)> action) {
    router.add({.method = std::move(method),
                .path = std::move(path),
                .query = std::move(query),
                .handler = answering(std::move(action), context.mistake)});
  };
  add("GET", "/v1/engines", {"state"}, [&host](Call& call) { return list(call, host); });
  add("POST", "/v1/engines", {}, [&context](Call& call) { return create(call, context); });
  add("GET", "/v1/engines/{name}", {},
      [&host](Call& call) { return json_response(200, host.engine(call.arguments.at("name"))); });
  add("DELETE", "/v1/engines/{name}", {"force"}, [&host](Call& call) {
    host.delete_engine(call.arguments.at("name"), flag_of(call, "force"));
    return Response{204, "", "", {}};
  });
  add("POST", "/v1/engines/{name}/resume", {},
      [&host](Call& call) { return json_response(200, host.resume_engine(call.arguments.at("name"))); });
  add("POST", "/v1/engines/{name}/suspend", {"force"}, [&host](Call& call) {
    return json_response(200, host.suspend_engine(call.arguments.at("name"), flag_of(call, "force")));
  });
}

}  // namespace rle
