// The routes of docs/host.md, a file a group. Each adds its own to the router and keeps references to what it
// is given.
#pragma once

#include <string>

#include "server/answer.h"
#include "server/host.h"
#include "server/http_figures.h"

namespace rle {

// What the routes work on; outlives the router.
struct RouteContext {
  Host& host;
  HttpFigures& figures;
  std::string user;  // created_by of what clients make
  std::function<size_t()> connections;
  Mistake mistake;
};

void add_meta_routes(Router& router,
                     RouteContext& context);  // healthz, readyz, openapi, metrics, host, sizes
void add_engine_routes(Router& router, RouteContext& context);  // engines
void add_check_routes(Router& router, RouteContext& context);   // describe, validate
void add_job_routes(Router& router, RouteContext& context);     // jobs, models
void add_event_routes(Router& router, RouteContext& context);   // events, logs, predictions, embeddings

void add_v1alpha1_routes(Router& router, RouteContext& context);  // server/v1alpha1

// All of them.
void add_routes(Router& router, RouteContext& context);

}  // namespace rle
