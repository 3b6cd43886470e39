// Which handler answers which method and path. Filled once, then read by any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "http/message.h"
#include "http/server.h"

namespace rle {

// What the path and the query of a request say, decoded; a route's handler sees known names only.
struct Arguments {
  std::map<std::string, std::string> path, query;

  const std::string& at(const std::string& name) const { return path.at(name); }
  // Empty where the query has none.
  std::string get(const std::string& name) const;
  bool has(const std::string& name) const { return query.count(name) > 0; }
};

struct Call {
  Request request;
  Arguments arguments;
  std::shared_ptr<Responder> responder;
};

struct Route {
  std::string method;              // "GET" answers HEAD too
  std::string path;                // "/v1/jobs/{id}/cancel"; {x} is one segment
  std::vector<std::string> query;  // the parameters it knows
  bool open = false;               // without a token
  bool slow = false;               // waits for another process
  std::function<void(Call&)> handler;
  // Of a slow route: a request that waits for none. Asked on the server's own thread. Empty: all wait.
  std::function<bool(const Request&)> is_quick = {};
};

class Router {
 public:
  void add(Route route);
  const std::vector<Route>& routes() const { return routes_; }

  // The route that answers; nullptr where none does.
  const Route* find(const std::string& method, const std::string& path) const;

  // Calls the route's handler, or answers itself: 404, 405 with Allow, OPTIONS, 400 for a query that can't be
  // read or has a parameter that the route doesn't know. What the handler throws goes through.
  void handle(Request request, const std::shared_ptr<Responder>& responder) const;

 private:
  std::vector<std::string> methods_of(const std::string& path) const;

  std::vector<Route> routes_;
  std::vector<std::vector<std::string>> segments_;  // of each route's path
};

// "%41" -> "A"; with `plus`, "+" -> " ". nullopt where a % isn't followed by two digits, or the result isn't
// UTF-8 without NUL.
std::optional<std::string> percent_decoded(std::string_view text, bool plus = false);

}  // namespace rle
