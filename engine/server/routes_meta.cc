// GET /healthz, /readyz, /openapi.json, /metrics, /v1/host, /v1/sizes
#include "server/openapi.h"
#include "server/routes.h"

namespace rle {

void add_meta_routes(Router& router, RouteContext& context) {
  router.add({.method = "GET", .path = "/healthz", .query = {}, .open = true, .handler = [](Call& call) {
                call.responder->send(json_response(200, {{"status", "ok"}}));
              }});
  router.add({.method = "GET",
              .path = "/readyz",
              .query = {},
              .open = true,
              .handler = answering(
                  [&context](Call&) {
                    if (context.host.ready()) return json_response(200, {{"status", "ready"}});
                    throw Problem(503, "busy", "the host takes no jobs now: it starts, or stops");
                  },
                  context.mistake)});
  router.add({.method = "GET", .path = "/openapi.json", .query = {}, .open = true, .handler = [](Call& call) {
                call.responder->send({200, "application/json", openapi_text(), {}});
              }});
  router.add({.method = "GET",
              .path = "/metrics",
              .query = {},
              .handler = answering(
                  [&context](Call&) {
                    const std::string text =
                        metrics_text(context.host.metrics()) + context.figures.text(context.connections());
                    return Response{200, "text/plain; version=0.0.4; charset=utf-8", text, {}};
                  },
                  context.mistake)});
  router.add({.method = "GET",
              .path = "/v1/host",
              .query = {},
              .handler = answering([&context](Call&) { return json_response(200, context.host.about()); },
                                   context.mistake)});
  router.add({.method = "GET",
              .path = "/v1/sizes",
              .query = {},
              .handler = answering(
                  [&context](Call&) {
                    return json_response(200, {{"sizes", context.host.sizes()}});
                  },
                  context.mistake)});
}

void add_routes(Router& router, RouteContext& context) {
  add_meta_routes(router, context);
  add_engine_routes(router, context);
  add_check_routes(router, context);
  add_job_routes(router, context);
  add_event_routes(router, context);
}

}  // namespace rle
