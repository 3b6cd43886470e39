// A small HTTP/1.1 server, with or without TLS. One thread moves all bytes; handlers run on a few workers and
// answer at once, or stream to any number of followers without holding a thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/message.h"

namespace rle {

struct ServerLimits {
  using Time = std::chrono::milliseconds;
  size_t header_bytes = 8 << 10;  // request line and header lines: 431
  size_t body_bytes = 8 << 20;    // 413
  size_t connections = 1024;      // further ones are told 503 and closed
  size_t waiting_slow = 64;       // requests that wait for a slow worker: 503
  Time request{30'000};           // from a request's first byte to its last: 408
  Time idle{60'000};              // between two requests
  Time handshake{10'000};         // of TLS
  Time stalled{30'000};           // an answer of which the client takes nothing
};

// What became of a request, for logs and figures.
struct Exchange {
  std::string method, path, route, peer;  // route: what set_route said; empty: no handler saw it
  int status = 0;
  int64_t bytes = 0;  // of the body sent
  double seconds = 0;
  bool cut = false;  // the client left before the answer's end
};

// The answer to one request: send(), or begin(), write()..., finish(). Thread-safe; calls after the end, or
// after the client left, do nothing. One that is dropped unanswered answers 500.
class Responder {
 public:
  virtual ~Responder() = default;

  virtual void send(Response response) = 0;

  // An answer of unknown length; head.body comes first.
  virtual void begin(Response head) = 0;
  virtual void write(std::string data) = 0;
  virtual void finish() = 0;
  // Bytes that were written and that the system hasn't taken yet; writers wait by when_drained.
  virtual size_t pending_bytes() const = 0;
  // The client left, or the server stops.
  virtual bool closed() const = 0;

  // Each replaces the former one, and runs on a worker: once, when less than 16 KiB are pending; every
  // `interval` until the end; once, when the client leaves.
  virtual void when_drained(std::function<void()> action) = 0;
  virtual void every(std::chrono::milliseconds interval, std::function<void()> action) = 0;
  virtual void when_closed(std::function<void()> action) = 0;
  // Runs it on a worker, soon.
  virtual void run(std::function<void()> action) = 0;

  virtual void set_route(std::string route) = 0;
};

using HttpHandler = std::function<void(Request, std::shared_ptr<Responder>)>;

struct ServerOptions {
  std::string address = "127.0.0.1";       // of IPv4 or IPv6, or "localhost"
  uint16_t port = 0;                       // 0: a free one
  std::string certificate_file, key_file;  // PEM; both empty: no TLS
  int workers = 4, slow_workers = 4;
  ServerLimits limits;
  // Asked once the header lines are there, before the body is read, on the server's own thread: an answer
  // ends the request there.
  std::function<std::optional<Response>(const Request&)> admit;
  // Whether the handler may take long (another process): such ones don't hold up the others.
  std::function<bool(const Request&)> is_slow;
  // After each request, on the server's own thread.
  std::function<void(const Exchange&)> finished;
};

class HttpServer {
 public:
  // Binds and listens. Error{kSpec}: the address, certificate or key can't be used; Error{kIo}: the port is
  // taken.
  HttpServer(ServerOptions options, HttpHandler handler);
  // stop(), then waits for handlers that run.
  ~HttpServer();

  uint16_t port() const;
  std::string url() const;  // "http://127.0.0.1:8472"
  size_t connections() const;
  // Requests that are not answered to the end.
  size_t exchanges() const;

  // Begins to accept. Once.
  void start();
  // Takes no more requests; ends streams and idle connections at once, gives answers that are under way
  // `grace`.
  void stop(std::chrono::milliseconds grace);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether only this machine reaches the address. Error{kSpec}: it is none.
bool is_loopback(const std::string& address);

}  // namespace rle
