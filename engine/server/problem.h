// What a caller of the host did wrong, or what the host could not do: a problem document of RFC 9457
// (docs/host.md names them). Thrown by the host, turned into an answer by the HTTP layer alone.
#pragma once

#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace rle {

struct Problem : std::exception {
  Problem(int status, std::string name, std::string detail, std::string field = "", std::string advice = "")
      : status(status),
        name(std::move(name)),
        detail(std::move(detail)),
        field(std::move(field)),
        advice(std::move(advice)) {}

  int status;          // of HTTP
  std::string name;    // "not-found"; the type is urn:gnn-rle:problem:NAME
  std::string detail;  // one sentence: what was found where, what was expected
  std::string field;   // "spec.tables.x.source"; empty where it is about none
  std::string advice;  // what to do; empty where detail says it

  const char* what() const noexcept override { return detail.c_str(); }
  nlohmann::ordered_json json() const;
};

// The HTTP status that goes with a problem's name; 500 where none does.
int status_of_problem(std::string_view name);

}  // namespace rle
