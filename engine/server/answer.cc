#include "server/answer.h"

#include <charconv>

#include "base/error.h"

namespace rle {
namespace {

Response response_of(const Error& error, const Mistake& mistake) {
  if (error.code() == ErrorCode::kSpec)
    return problem_response(422, "invalid-specification", error.what(), error.field());
  mistake(error.what());
  // A full disk, a locked file: worth another try.
  if (error.code() == ErrorCode::kIo) return problem_response(503, "io", error.what());
  return problem_response(500, "internal", "a mistake of the host itself; its log has more");
}

}  // namespace

Response json_response(int status, const Json& body) {
  return {status, "application/json", body.dump(-1, ' ', false, Json::error_handler_t::replace), {}};
}

Response response_of(const Problem& problem) {
  Response out = json_response(problem.status, problem.json());
  out.content_type = "application/problem+json";
  return out;
}

std::function<void(Call&)> guarded(std::function<void(Call&)> action, Mistake mistake) {
  return [action = std::move(action), mistake = std::move(mistake)](Call& call) {
    try {
      action(call);
    } catch (const Problem& problem) {
      if (problem.status >= 500 && problem.name == "internal") mistake(problem.detail);
      call.responder->send(response_of(problem));
    } catch (const Error& error) {
      call.responder->send(response_of(error, mistake));
    } catch (const std::bad_alloc&) {
      mistake("out of memory");
      call.responder->send(problem_response(503, "busy", "the host is out of memory"));
    } catch (const std::exception& unexpected) {
      mistake(unexpected.what());
      call.responder->send(
          problem_response(500, "internal", "a mistake of the host itself; its log has more"));
    }
  };
}

std::function<void(Call&)> answering(std::function<Response(Call&)> action, Mistake mistake) {
  return guarded([action = std::move(action)](Call& call) { call.responder->send(action(call)); },
                 std::move(mistake));
}

void refuse_value(const std::string& name, const std::string& found, const std::string& expected) {
  throw Problem(400, "invalid-request",
                fmt::format("{} is expected to be {}, found '{}'", name, expected, found.substr(0, 100)),
                name);
}

bool flag_of(const Call& call, const std::string& name) {
  if (!call.arguments.has(name)) return false;
  const std::string value = call.arguments.get(name);
  if (value != "true" && value != "false") refuse_value(name, value, "true or false");
  return value == "true";
}

std::optional<int64_t> number_of(const Call& call, const std::string& name, int64_t least, int64_t most) {
  if (!call.arguments.has(name)) return std::nullopt;
  const std::string text = call.arguments.get(name);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    refuse_value(name, text,
                 most == INT64_MAX ? fmt::format("a whole number from {}", least)
                                   : fmt::format("a whole number from {} to {}", least, most));
  return value;
}

}  // namespace rle
