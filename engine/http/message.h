// A request and an answer of HTTP/1.1 as plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rle {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // "GET"
  std::string path;    // as sent, not decoded: "/v1/jobs/a%20b"
  std::string query;   // as sent, without "?"
  Headers headers;     // names in lower case
  std::string body;
  std::string peer;  // "127.0.0.1:4711"

  // The value of the first header of that name (in lower case); nullopt where there is none.
  std::optional<std::string> header(std::string_view name) const;
};

// Content-Length, Date and Connection are the server's.
struct Response {
  int status = 200;
  std::string content_type;  // empty: an answer without a body
  std::string body;
  Headers headers;
};

// "Not Found"
std::string_view reason_phrase(int status);

// A problem document (RFC 9457): {"type": "urn:gnn-rle:problem:NAME", "title", "status", "detail", "field"?,
// "advice"?}.
Response problem_response(int status, std::string_view name, std::string_view detail,
                          std::string_view field = "", std::string_view advice = "");

// Text as a JSON string with its quotes; what is no UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);

// Whether the bytes are well-formed UTF-8 without NUL.
bool is_plain_utf8(std::string_view bytes);

}  // namespace rle
