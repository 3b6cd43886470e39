// POST /v1/describe, /v1/validate: both wait for a child process.
#include "server/json_body.h"
#include "server/routes.h"

namespace rle {

void add_check_routes(Router& router, RouteContext& context) {
  Host& host = context.host;
  const auto describe = [&host](Call& call) {
    const Json request = read_object(call.request, {"source", "data_source"});
    text_member(request, "source");
    if (request.contains("data_source") && !request["data_source"].is_null())
      text_member(request, "data_source");
    return json_response(200, host.describe(request));
  };
  const auto validate = [&host](Call& call) {
    return json_response(200, host.validate(read_object(call.request, kJobMembers)));
  };
  router.add({.method = "POST",
              .path = "/v1/describe",
              .query = {},
              .slow = true,
              .handler = answering(describe, context.mistake)});
  router.add({.method = "POST",
              .path = "/v1/validate",
              .query = {},
              .slow = true,
              .handler = answering(validate, context.mistake)});
}

}  // namespace rle
