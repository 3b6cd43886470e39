// What the handlers of routes share: answers in JSON, and what becomes of what they throw.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "http/router.h"
#include "server/problem.h"
#include "server/records.h"

namespace rle {

Response json_response(int status, const Json& body);
Response response_of(const Problem& problem);

// A handler for `action`: its answer, or a problem for what it throws. Mistakes of the program are told as
// such, without their text, and go to `mistake`.
using Mistake = std::function<void(const std::string& what)>;
std::function<void(Call&)> answering(std::function<Response(Call&)> action, Mistake mistake);
// As above, for those that stream: they answer by themselves.
std::function<void(Call&)> guarded(std::function<void(Call&)> action, Mistake mistake);

// Parameters of a query. Problem 400 with the field: something else.
bool flag_of(const Call& call, const std::string& name);
std::optional<int64_t> number_of(const Call& call, const std::string& name, int64_t least, int64_t most);

// "a", "b" or "c" expected.
[[noreturn]] void refuse_value(const std::string& name, const std::string& found,
                               const std::string& expected);

}  // namespace rle
