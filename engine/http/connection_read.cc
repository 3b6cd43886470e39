// The reading half of a connection: requests, their limits, and what becomes of bad ones.
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>

#include "http/connection.h"

namespace rle {
namespace {

namespace http = boost::beast::http;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

Response bad_request(std::string_view detail) { return problem_response(400, "invalid-request", detail); }

// Path and query of "/path?query", "http://host/path?query" or "*"; false for anything else.
bool split_target(std::string_view target, Request& request) {
  if (!target.starts_with('/') && target != "*") {
    const size_t scheme = target.find("://");
    if (scheme == std::string_view::npos) return false;
    const std::string name = lower(target.substr(0, scheme));
    if (name != "http" && name != "https") return false;
    const size_t path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  target = target.substr(0, target.find('#'));
  const size_t mark = target.find('?');
  request.path = std::string(target.substr(0, mark));
  request.query = mark == std::string_view::npos ? "" : std::string(target.substr(mark + 1));
  return true;
}

}  // namespace

void Connection::idle() {
  phase_ = Phase::kIdle;
  if (shared_->stopping) return close();
  if (buffer_.size() > 0) return read_request();
  arm(shared_->options.limits.idle);
  if (!monitoring_) monitor();
}

// While an answer is on its way this notices that the client leaves; between two it waits for the next.
void Connection::monitor() {
  monitoring_ = true;
  stream_.async_read_some(buffer_.prepare(4096), [self = shared_from_this()](error_code error, size_t bytes) {
    self->monitoring_ = false;
    if (self->phase_ == Phase::kClosed) return;
    if (self->phase_ == Phase::kLinger) return self->close();
    if (error) return self->exchange_ ? self->lost() : self->close();
    self->buffer_.commit(bytes);
    if (self->phase_ == Phase::kIdle) self->read_request();
  });
}

void Connection::read_request() {
  phase_ = Phase::kRequest;
  began_ = std::chrono::steady_clock::now();
  timed_out_ = unread_body_ = keep_alive_ = head_only_ = false;
  told_ = Exchange{};
  request_ = Request{};
  arm(shared_->options.limits.request);
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(shared_->options.limits.header_bytes));
  parser_->body_limit(shared_->options.limits.body_bytes);
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = shared_from_this()](error_code error, size_t) { self->on_head(error); });
}

void Connection::on_head(error_code error) {
  if (phase_ != Phase::kRequest) return;
  if (error) return read_failed(error);
  unread_body_ = !parser_->is_done();
  if (const std::optional<Response> problem = check_head()) return reject(*problem);
  keep_alive_ = parser_->keep_alive();
  if (shared_->options.admit)
    if (const std::optional<Response> answer = shared_->options.admit(request_)) return reject(*answer);
  if (!unread_body_) return dispatch();
  const std::optional<std::string> expect = request_.header("expect");
  if (!expect || buffer_.size() > 0) return read_body();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](error_code failed, size_t) {
                      if (self->phase_ != Phase::kRequest) return;
                      if (failed) return self->read_failed(failed);
                      self->read_body();
                    });
}

// Fills request_ and told_; a problem where the head can't be accepted.
std::optional<Response> Connection::check_head() {
  const auto& message = parser_->get();
  http_1_0_ = message.version() == 10;
  request_.method = std::string(view(message.method_string()));
  head_only_ = request_.method == "HEAD";
  error_code ignored;
  const tcp::endpoint peer = stream_.socket().remote_endpoint(ignored);
  request_.peer = fmt::format("{}:{}", peer.address().to_string(ignored), peer.port());
  size_t hosts = 0;
  for (const auto& field : message) {
    request_.headers.emplace_back(lower(view(field.name_string())), std::string(view(field.value())));
    hosts += request_.headers.back().first == "host";
  }
  if (!split_target(view(message.target()), request_))
    return bad_request("the request's target is neither a path nor an address of http");
  if (hosts > 1 || (hosts == 0 && !http_1_0_)) return bad_request("one Host header is expected");
  const std::optional<std::string> coding = request_.header("transfer-encoding");
  if (coding && (http_1_0_ || lower(*coding) != "chunked"))
    return bad_request("of transfer encodings only 'chunked' is known");
  const std::optional<std::string> expect = request_.header("expect");
  if (expect && lower(*expect) != "100-continue")
    return problem_response(417, "invalid-request", "of expectations only '100-continue' is known");
  return std::nullopt;
}

void Connection::read_body() {
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](error_code error, size_t) { self->on_body(error); });
}

void Connection::on_body(error_code error) {
  if (phase_ != Phase::kRequest) return;
  if (error) return read_failed(error);
  unread_body_ = false;
  request_.body = std::move(parser_->get().body());
  dispatch();
}

void Connection::read_failed(error_code error) {
  unread_body_ = true;
  if (timed_out_)
    return reject(problem_response(408, "time-out",
                                   fmt::format("the request did not arrive within {} s",
                                               shared_->options.limits.request.count() / 1000)));
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return reject(problem_response(431, "too-large",
                                   fmt::format("the request line and header lines are more than {} bytes",
                                               shared_->options.limits.header_bytes)));
  if (error == http::error::body_limit)
    return reject(problem_response(
        413, "too-large",
        fmt::format("the body is larger than {} bytes", shared_->options.limits.body_bytes)));
  const bool malformed = error.category() == http::make_error_code(http::error::end_of_stream).category();
  if (error == http::error::end_of_stream || !malformed) return close();
  reject(bad_request("the request is no HTTP/1.1: " + error.message()));
}

void Connection::reject(const Response& problem) {
  keep_alive_ = keep_alive_ && !unread_body_;
  answer(open_exchange(), problem);
}

void Connection::dispatch() {
  State state = open_exchange();
  ServerShared& shared = *shared_;
  const bool slow = shared.options.is_slow && shared.options.is_slow(request_);
  // std::function wants what it holds to be copied
  auto request = std::make_shared<Request>(std::move(request_));
  auto responder = make_responder(shared_from_this(), state);
  const auto work = [shared = shared_, request, responder] {
    try {
      shared->handler(std::move(*request), responder);
    } catch (...) {
      responder->send(problem_response(500, "internal", "a mistake of the server itself"));
    }
  };
  WorkQueue& queue = slow ? shared.slow : shared.quick;
  if (!queue.push(work, slow ? shared.options.limits.waiting_slow : SIZE_MAX)) {
    Response busy = problem_response(503, "busy", "too many requests of this kind wait; try again later");
    busy.headers.emplace_back("Retry-After", "2");
    responder->send(std::move(busy));
  }
}

Connection::State Connection::open_exchange() {
  phase_ = Phase::kHandling;
  disarm();
  told_.method = request_.method;
  told_.path = request_.path;
  told_.peer = request_.peer;
  head_sent_ = chunked_ = done_ = false;
  exchange_ = std::make_shared<ExchangeState>();
  shared_->exchanges.fetch_add(1);
  return exchange_;
}

void Connection::linger() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kLinger;
  arm(std::chrono::seconds(unread_body_ ? 5 : 2));
  if (stream_.tls() && !unread_body_) {
    stream_.tls()->async_shutdown([self = shared_from_this()](error_code) { self->close(); });
    return;
  }
  error_code ignored;
  if (!stream_.tls()) stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  if (shared_->stopping && !stream_.tls() && !unread_body_) return close();
  if (!monitoring_) discard(0);
}

void Connection::discard(size_t so_far) {
  constexpr size_t kMost = 256 << 20;
  if (so_far > kMost) return close();
  buffer_.consume(buffer_.size());
  stream_.async_read_some(buffer_.prepare(32 << 10),
                          [self = shared_from_this(), so_far](error_code error, size_t bytes) {
                            if (self->phase_ != Phase::kLinger) return;
                            if (error) return self->close();
                            self->discard(so_far + bytes);
                          });
}

}  // namespace rle
