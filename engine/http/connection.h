// One client's connection: reads a request, hands it to a worker, writes the answer, and again. This layer's
// own.
//
//   HANDSHAKE --> IDLE --first byte--> REQUEST --whole--> HANDLING --answered--> IDLE | LINGER --> CLOSED
//                                         \--bad, late--> HANDLING (a problem) --> LINGER
//   LINGER: no more is sent; what still arrives is thrown away, so that the client can read the answer.
// All members run on the server's thread but those of the responder.
#pragma once

#include <atomic>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <set>

#include "http/asio.h"
#include "http/server.h"
#include "http/work_queue.h"

namespace rle {

class Connection;

// What the connections of a server share.
struct ServerShared {
  explicit ServerShared(ServerOptions given, HttpHandler handles)
      : options(std::move(given)),
        handler(std::move(handles)),
        quick(options.workers),
        slow(options.slow_workers) {}

  ServerOptions options;
  HttpHandler handler;
  asio::io_context io{1};
  std::optional<asio::ssl::context> tls;
  WorkQueue quick, slow;
  std::set<std::shared_ptr<Connection>> connections;  // of the server's thread
  std::atomic<size_t> count{0}, exchanges{0};
  bool stopping = false;  // of the server's thread
};

// What connection and responder both see of one exchange.
struct ExchangeState {
  std::atomic<bool> closed{false};
  std::atomic<size_t> pending{0};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using State = std::shared_ptr<ExchangeState>;

  Connection(std::shared_ptr<ServerShared> shared, tcp::socket socket);
  void start();
  // Ends at once what is no whole answer.
  void stop();
  void close();

  // The responder's calls; those of an exchange that is over do nothing.
  void answer(const State& state, Response response);
  void begin(const State& state, Response head);
  void write(const State& state, const std::string& data);
  void finish(const State& state);
  void abandon(const State& state);
  void when_drained(const State& state, std::function<void()> action);
  void every(const State& state, std::chrono::milliseconds interval, std::function<void()> action);
  void when_closed(const State& state, std::function<void()> action);
  void set_route(const State& state, std::string route);
  ServerShared& shared() { return *shared_; }

 private:
  enum class Phase { kHandshake, kIdle, kRequest, kHandling, kLinger, kClosed };
  struct Piece {
    std::string bytes;
    size_t data = 0;  // how many of them the responder knows of
  };

  void idle();
  void read_request();
  void on_head(error_code error);
  std::optional<Response> check_head();
  void read_body();
  void on_body(error_code error);
  void read_failed(error_code error);
  void reject(const Response& problem);
  void dispatch();
  State open_exchange();
  void end_exchange();
  void lost();
  void release_exchange();
  void monitor();
  void push(std::string bytes, size_t data);
  void flush();
  void on_written(error_code error, size_t bytes);
  std::string head_text(const Response& response, std::optional<size_t> length) const;
  void tick(std::chrono::milliseconds interval);
  void linger();
  void discard(size_t so_far);
  void arm(std::chrono::milliseconds time);
  void disarm() { ++armed_, timer_.cancel(); }
  void on_timeout();
  void run_on_worker(std::function<void()> action);

  std::shared_ptr<ServerShared> shared_;
  Stream stream_;
  asio::steady_timer timer_, ticker_;
  uint64_t armed_ = 0;
  Phase phase_ = Phase::kHandshake;
  boost::beast::flat_buffer buffer_{64 << 10};
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  Request request_;
  bool timed_out_ = false, keep_alive_ = false, unread_body_ = false, monitoring_ = false;

  State exchange_;
  Exchange told_;
  std::chrono::steady_clock::time_point began_;
  bool http_1_0_ = false, head_only_ = false, head_sent_ = false, chunked_ = false, done_ = false;
  std::deque<Piece> pieces_;
  size_t written_ = 0;  // of the first piece
  bool writing_ = false;
  std::function<void()> on_drained_, on_closed_, on_tick_;
};

// The responder of the exchange that `state` is of.
std::shared_ptr<Responder> make_responder(std::shared_ptr<Connection> connection, Connection::State state);

}  // namespace rle
