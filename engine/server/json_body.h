// The body of a request as JSON: untrusted text, with limits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "server/records.h"

namespace rle {

inline constexpr size_t kMaxBodyDepth = 64;

// Problem 400 with the place: not JSON, nested deeper than 64 levels, a key twice in one object, text that
// isn't UTF-8.
Json parse_json(std::string_view text);

// The body as an object with no members but `known`. Problem 415: it is no application/json; 400; 422:
// another member (the nearest is named) or no object.
Json read_object(const Request& request, const std::vector<std::string>& known);

// Of a job.
inline const std::vector<std::string> kJobMembers{"kind",    "engine",          "spec",   "model", "output",
                                                  "options", "experiment_name", "secrets"};

// The member as text; Problem 422 where it is missing or something else.
std::string text_member(const Json& object, const std::string& name);

}  // namespace rle
