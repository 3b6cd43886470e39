#include "server/problem.h"

#include <string_view>
#include <utility>

namespace rle {
namespace {

std::string title_of(const std::string& name) {
  std::string title = name;
  for (char& c : title)
    if (c == '-') c = ' ';
  if (!title.empty() && title[0] >= 'a' && title[0] <= 'z')
    title[0] = static_cast<char>(title[0] - 'a' + 'A');
  return title;
}

}  // namespace

nlohmann::ordered_json Problem::json() const {
  nlohmann::ordered_json out{{"type", "urn:gnn-rle:problem:" + name},
                             {"title", title_of(name)},
                             {"status", status},
                             {"detail", detail}};
  if (!field.empty()) out["field"] = field;
  if (!advice.empty()) out["advice"] = advice;
  return out;
}

int status_of_problem(std::string_view name) {
  constexpr std::pair<std::string_view, int> kStatus[] = {{"invalid-request", 422},
                                                          {"invalid-specification", 422},
                                                          {"data", 422},
                                                          {"not-found", 404},
                                                          {"conflict", 409},
                                                          {"time-out", 504},
                                                          {"not-built", 501},
                                                          {"busy", 503}};
  for (const auto& [known, status] : kStatus)
    if (known == name) return status;
  return 500;
}

}  // namespace rle
