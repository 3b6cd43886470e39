// A connection's life, and its writing half.
#include "http/connection.h"

#include <ctime>

namespace rle {
namespace {

constexpr size_t kDrained = 16 << 10;

std::string date_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\r' || c == '\n' || c == 0) c = ' ';
  return text;
}

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

Connection::Connection(std::shared_ptr<ServerShared> shared, tcp::socket socket)
    : shared_(std::move(shared)),
      stream_(std::move(socket), shared_->tls ? &*shared_->tls : nullptr),
      timer_(shared_->io),
      ticker_(shared_->io) {}

void Connection::start() {
  error_code ignored;
  stream_.socket().set_option(tcp::no_delay(true), ignored);
  stream_.socket().set_option(asio::socket_base::keep_alive(true), ignored);
  if (!stream_.tls()) return idle();
  arm(shared_->options.limits.handshake);
  stream_.tls()->async_handshake(asio::ssl::stream_base::server,
                                 [self = shared_from_this()](error_code error) {
                                   if (self->phase_ != Phase::kHandshake) return;
                                   if (error) return self->close();
                                   self->idle();
                                 });
}

void Connection::stop() {
  if (phase_ == Phase::kClosed || phase_ == Phase::kLinger) return;
  keep_alive_ = false;
  if (phase_ != Phase::kHandling) return close();
  if (head_sent_ && !done_) lost();
}

void Connection::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  release_exchange();
  disarm();
  error_code ignored;
  stream_.socket().close(ignored);
  shared_->count.fetch_sub(1);
  shared_->connections.erase(shared_from_this());
}

void Connection::answer(const State& state, Response response) {
  if (state != exchange_ || head_sent_ || !exchange_) return;
  head_sent_ = done_ = true;
  told_.status = response.status;
  if (shared_->stopping) keep_alive_ = false;
  std::string text = head_text(response, response.body.size());
  if (!head_only_ && has_body(response.status)) {
    told_.bytes = static_cast<int64_t>(response.body.size());
    text += response.body;
  }
  push(std::move(text), 0);
}

void Connection::begin(const State& state, Response head) {
  if (state != exchange_ || head_sent_ || !exchange_) return;
  head_sent_ = true;
  told_.status = head.status;
  chunked_ = !http_1_0_;
  if (!chunked_ || shared_->stopping) keep_alive_ = false;
  done_ = head_only_;
  if (done_) exchange_->closed = true;
  push(head_text(head, std::nullopt), 0);
  if (done_) return;
  if (shared_->stopping) return lost();
  if (!monitoring_ && buffer_.size() == 0) monitor();
  if (!head.body.empty()) {
    exchange_->pending += head.body.size();
    write(state, head.body);
  }
}

void Connection::write(const State& state, const std::string& data) {
  if (data.empty()) return;
  if (state != exchange_ || !head_sent_ || done_) {
    state->pending -= data.size();
    return;
  }
  told_.bytes += static_cast<int64_t>(data.size());
  push(chunked_ ? fmt::format("{:x}\r\n{}\r\n", data.size(), data) : data, data.size());
}

void Connection::finish(const State& state) {
  if (state != exchange_ || !head_sent_ || done_) return;
  done_ = true;
  on_tick_ = nullptr;
  if (chunked_) push("0\r\n\r\n", 0);
  flush();
}

void Connection::abandon(const State& state) {
  if (state != exchange_ || done_ || !exchange_) return;
  if (head_sent_) return lost();
  answer(state, problem_response(500, "internal", "the request was left without an answer"));
}

void Connection::when_drained(const State& state, std::function<void()> action) {
  if (state != exchange_ || done_ || !exchange_) return;
  if (state->pending < kDrained) return run_on_worker(std::move(action));
  on_drained_ = std::move(action);
}

void Connection::when_closed(const State& state, std::function<void()> action) {
  if (state != exchange_ || !exchange_) return run_on_worker(std::move(action));
  on_closed_ = std::move(action);
}

void Connection::every(const State& state, std::chrono::milliseconds interval, std::function<void()> action) {
  if (state != exchange_ || done_ || !exchange_) return;
  on_tick_ = std::move(action);
  tick(interval);
}

void Connection::tick(std::chrono::milliseconds interval) {
  ticker_.expires_after(interval);
  ticker_.async_wait([self = shared_from_this(), state = exchange_, interval](error_code error) {
    if (error || state != self->exchange_ || !self->on_tick_) return;
    self->run_on_worker(self->on_tick_);
    self->tick(interval);
  });
}

void Connection::set_route(const State& state, std::string route) {
  if (state == exchange_ && exchange_) told_.route = std::move(route);
}

void Connection::run_on_worker(std::function<void()> action) { shared_->quick.push(std::move(action)); }

std::string Connection::head_text(const Response& response, std::optional<size_t> length) const {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                                 reason_phrase(response.status), date_text());
  if (!response.content_type.empty()) text += "Content-Type: " + response.content_type + "\r\n";
  for (const auto& [name, value] : response.headers) text += name + ": " + one_line(value) + "\r\n";
  if (length && has_body(response.status)) text += fmt::format("Content-Length: {}\r\n", *length);
  if (!length && chunked_) text += "Transfer-Encoding: chunked\r\n";
  text += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
  if (!keep_alive_)
    text += "Connection: close\r\n";
  else if (http_1_0_)
    text += "Connection: keep-alive\r\n";
  return text + "\r\n";
}

void Connection::push(std::string bytes, size_t data) {
  pieces_.push_back({std::move(bytes), data});
  flush();
}

void Connection::flush() {
  if (writing_ || phase_ != Phase::kHandling) return;
  if (pieces_.empty()) {
    if (done_) end_exchange();
    return;
  }
  writing_ = true;
  arm(shared_->options.limits.stalled);
  const std::string& bytes = pieces_.front().bytes;
  stream_.async_write_some(
      asio::buffer(bytes.data() + written_, bytes.size() - written_),
      [self = shared_from_this()](error_code error, size_t count) { self->on_written(error, count); });
}

void Connection::on_written(error_code error, size_t bytes) {
  writing_ = false;
  if (phase_ != Phase::kHandling) return;
  if (error) return lost();
  disarm();
  written_ += bytes;
  if (written_ == pieces_.front().bytes.size()) {
    exchange_->pending -= pieces_.front().data;
    pieces_.pop_front();
    written_ = 0;
    if (on_drained_ && exchange_->pending < kDrained) run_on_worker(std::exchange(on_drained_, nullptr));
  }
  flush();
}

// The answer is written.
void Connection::end_exchange() {
  release_exchange();
  if (keep_alive_ && !shared_->stopping) return idle();
  linger();
}

// The client, or the server, does not want the rest of the answer.
void Connection::lost() {
  told_.cut = true;
  close();
}

void Connection::release_exchange() {
  if (!exchange_) return;
  exchange_->closed = true;
  exchange_ = nullptr;
  shared_->exchanges.fetch_sub(1);
  told_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  if (shared_->options.finished) shared_->options.finished(told_);
  ticker_.cancel();
  on_drained_ = on_tick_ = nullptr;
  if (on_closed_ && told_.cut) run_on_worker(std::move(on_closed_));
  on_closed_ = nullptr;
  if (phase_ == Phase::kClosed && !writing_) pieces_.clear();
}

void Connection::arm(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([self = shared_from_this(), mine = ++armed_](error_code error) {
    if (!error && mine == self->armed_) self->on_timeout();
  });
}

void Connection::on_timeout() {
  if (phase_ == Phase::kHandling) return lost();
  if (phase_ != Phase::kRequest) return close();
  timed_out_ = true;
  error_code ignored;
  stream_.socket().cancel(ignored);
}

}  // namespace rle
