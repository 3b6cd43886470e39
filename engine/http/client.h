// A client of HTTP/1.1, one request at a time, for the command line.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "http/message.h"

namespace rle {

struct ClientOptions {
  std::string url;          // "http://127.0.0.1:8472", "https://host:443"; a path is ignored
  std::string token;        // empty: none
  std::string authorities;  // a file of certificates to trust (PEM); empty: the system's
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds read{120'000};  // without a byte
};

// Every call makes a connection of its own. Error{kIo}: no connection, no whole answer, a certificate that
// isn't trusted; Error{kSpec}: the URL is none.
class HttpClient {
 public:
  explicit HttpClient(ClientOptions options);

  // Header names of the answer are in lower case. An answer of more than 256 MiB is an error.
  Response request(const std::string& method, const std::string& target, const std::string& body = "",
                   const Headers& headers = {}) const;

  // Gives each line of the answer, without its end, as it comes, until the answer ends or `line` returns
  // false. An answer other than 200 comes back whole, and no line is given.
  Response lines(const std::string& target, const Headers& headers,
                 const std::function<bool(std::string_view)>& line) const;

 private:
  ClientOptions options_;
  bool tls_ = false;
  std::string host_, port_;
};

}  // namespace rle
