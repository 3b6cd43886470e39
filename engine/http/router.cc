#include "http/router.h"

#include <algorithm>

#include "base/error.h"

namespace rle {
namespace {

std::vector<std::string> split(std::string_view text, char mark) {
  std::vector<std::string> out;
  for (;;) {
    const size_t end = text.find(mark);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_variable(const std::string& segment) { return segment.starts_with('{'); }

// The path's variables, where it fits the route's segments.
std::optional<std::map<std::string, std::string>> fit(const std::vector<std::string>& route,
                                                      const std::vector<std::string>& path) {
  if (route.size() != path.size()) return std::nullopt;
  std::map<std::string, std::string> out;
  for (size_t i = 0; i < route.size(); ++i) {
    if (!is_variable(route[i])) {
      if (route[i] != path[i]) return std::nullopt;
      continue;
    }
    std::optional<std::string> value = percent_decoded(path[i]);
    if (!value || value->empty()) return std::nullopt;
    out[route[i].substr(1, route[i].size() - 2)] = std::move(*value);
  }
  return out;
}

// The query's parameters; a problem in `refused` where they can't be taken.
std::map<std::string, std::string> parse_query(const std::string& query, const Route& route,
                                               std::optional<Response>& refused) {
  std::map<std::string, std::string> out;
  const auto refuse = [&](const std::string& detail, const std::string& field) {
    if (!refused) refused = problem_response(400, "invalid-request", detail, field);
  };
  for (const std::string& part : split(query, '&')) {
    if (part.empty()) continue;
    const size_t equals = std::min(part.find('='), part.size());
    const auto name = percent_decoded(std::string_view(part).substr(0, equals), true);
    const auto value =
        percent_decoded(std::string_view(part).substr(std::min(equals + 1, part.size())), true);
    if (!name || !value)
      refuse("the query is not percent-encoded UTF-8", "");
    else if (std::find(route.query.begin(), route.query.end(), *name) == route.query.end())
      refuse(fmt::format("no parameter '{}'{}", *name, suggestion(*name, route.query)), *name);
    else if (!out.emplace(*name, *value).second)
      refuse(fmt::format("the parameter '{}' is given twice", *name), *name);
  }
  return out;
}

Response not_found(const std::string& path) {
  const std::string shown = percent_decoded(path).value_or(path);
  return problem_response(404, "not-found", fmt::format("there is nothing at {}", shown.substr(0, 200)), "",
                          "GET /openapi.json lists the routes");
}

}  // namespace

std::string Arguments::get(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (!is_plain_utf8(out)) return std::nullopt;
  return out;
}

void Router::add(Route route) {
  segments_.push_back(split(route.path, '/'));
  routes_.push_back(std::move(route));
}

const Route* Router::find(const std::string& method, const std::string& path) const {
  const std::vector<std::string> parts = split(path, '/');
  const Route* best = nullptr;
  size_t fewest = SIZE_MAX;  // variables: "/v1/jobs/search" goes before "/v1/jobs/{id}"
  for (size_t i = 0; i < routes_.size(); ++i) {
    const bool same = routes_[i].method == method || (method == "HEAD" && routes_[i].method == "GET");
    if (!same || !fit(segments_[i], parts)) continue;
    const auto variables =
        static_cast<size_t>(std::count_if(segments_[i].begin(), segments_[i].end(), is_variable));
    if (variables < fewest) {
      fewest = variables;
      best = &routes_[i];
    }
  }
  return best;
}

std::vector<std::string> Router::methods_of(const std::string& path) const {
  const std::vector<std::string> parts = split(path, '/');
  std::vector<std::string> out;
  const auto add = [&out](const std::string& method) {
    if (std::find(out.begin(), out.end(), method) == out.end()) out.push_back(method);
  };
  for (size_t i = 0; i < routes_.size(); ++i) {
    if (!fit(segments_[i], parts)) continue;
    add(routes_[i].method);
    if (routes_[i].method == "GET") add("HEAD");
  }
  if (!out.empty()) add("OPTIONS");
  return out;
}

void Router::handle(Request request, const std::shared_ptr<Responder>& responder) const {
  const Route* route = find(request.method, request.path);
  if (!route) {
    const std::vector<std::string> methods = methods_of(request.path);
    if (methods.empty()) return responder->send(not_found(request.path));
    const std::string allow = fmt::format("{}", fmt::join(methods, ", "));
    if (request.method == "OPTIONS") return responder->send({204, "", "", {{"Allow", allow}}});
    Response answer =
        problem_response(405, "method-not-allowed",
                         fmt::format("{} is not possible here; {} are", request.method.substr(0, 20), allow));
    answer.headers.emplace_back("Allow", allow);
    return responder->send(std::move(answer));
  }
  responder->set_route(route->path);
  std::optional<Response> refused;
  Call call{std::move(request), {}, responder};
  call.arguments.path = *fit(split(route->path, '/'), split(call.request.path, '/'));
  call.arguments.query = parse_query(call.request.query, *route, refused);
  if (refused) return responder->send(std::move(*refused));
  route->handler(call);
}

}  // namespace rle
