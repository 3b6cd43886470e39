#include "http/client.h"

#include <boost/asio/connect.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "base/error.h"
#include "http/asio.h"

namespace rle {
namespace {

namespace http = boost::beast::http;
using Parser = http::response_parser<http::string_body>;

// One exchange: operations are asynchronous, so that a timer can end them, and waited for one by one.
class Session {
 public:
  Session(const ClientOptions& options, bool tls, std::string host, std::string port)
      : options_(options), tls_(tls), host_(std::move(host)), port_(std::move(port)) {}

  void open() {
    error_code error;
    const auto found = resolver_.resolve(host_, port_, error);
    if (error) fail_with("there is no host of that name", error);
    tcp::socket socket(io_);
    wait(
        options_.connect,
        [&](auto done) {
          asio::async_connect(socket, found, [done](error_code e, const tcp::endpoint&) { done(e); });
        },
        [&] { socket.close(error); }, "no connection");
    socket.set_option(tcp::no_delay(true), error);
    if (tls_) trust();
    stream_.emplace(std::move(socket), tls_ ? &context_ : nullptr);
    if (tls_) shake_hands();
  }

  void send(const std::string& method, const std::string& target, const std::string& body,
            const Headers& headers) {
    http::request<http::string_body> message(http::string_to_verb(method), target, 11);
    message.set(http::field::host, host_ + ":" + port_);
    message.set(http::field::user_agent, "rle");
    message.set(http::field::connection, "close");
    if (!options_.token.empty()) message.set(http::field::authorization, "Bearer " + options_.token);
    for (const auto& [name, value] : headers) message.set(name, value);
    message.body() = body;
    if (!body.empty() || method == "POST") message.prepare_payload();
    wait(
        options_.read,
        [&](auto done) { http::async_write(*stream_, message, [done](error_code e, size_t) { done(e); }); },
        "the request could not be sent", /*sending=*/true);
  }

  void read_head(Parser& parser) {
    parser.body_limit(256u << 20);
    wait(
        options_.read,
        [&](auto done) {
          http::async_read_header(*stream_, buffer_, parser, [done](error_code e, size_t) { done(e); });
        },
        "no answer");
  }

  // Some more of the body.
  void read_some(Parser& parser) {
    wait(
        options_.read,
        [&](auto done) {
          http::async_read_some(*stream_, buffer_, parser, [done](error_code e, size_t) { done(e); });
        },
        "the answer broke off");
  }

 private:
  void trust() {
    error_code error;
    if (options_.authorities.empty())
      context_.set_default_verify_paths(error);
    else
      context_.load_verify_file(options_.authorities, error);
    if (error) fail_with(options_.authorities + ": no certificates in PEM", error);
  }

  void shake_hands() {
    auto& tls = *stream_->tls();
    tls.set_verify_mode(asio::ssl::verify_peer);
    tls.set_verify_callback(asio::ssl::host_name_verification(host_));
    SSL_set_tlsext_host_name(tls.native_handle(), host_.c_str());
    wait(
        options_.connect, [&](auto done) { tls.async_handshake(asio::ssl::stream_base::client, done); },
        "no TLS");
  }

  template <typename Begin>
  void wait(std::chrono::milliseconds time, Begin begin, const char* what, bool sending = false) {
    wait(
        time, begin,
        [&] {
          error_code ignored;
          stream_->socket().close(ignored);
        },
        what, sending);
  }

  // A failed write may leave an answer to read: the server refused the body.
  template <typename Begin, typename Stop>
  void wait(std::chrono::milliseconds time, Begin begin, Stop stop, const char* what, bool sending = false) {
    std::optional<error_code> result;
    bool late = false;
    asio::steady_timer timer(io_, time);
    timer.async_wait([&](error_code error) {
      if (error || result) return;
      late = true;
      stop();
    });
    begin([&](error_code error) {
      result = error;
      timer.cancel();
    });
    io_.restart();
    io_.run();
    if (late) fail_with(fmt::format("{} within {} s", what, time.count() / 1000), {});
    const bool refused =
        *result == boost::system::errc::broken_pipe || *result == boost::system::errc::connection_reset;
    if (*result && !(sending && refused)) fail_with(what, *result);
  }

  [[noreturn]] void fail_with(const std::string& what, error_code error) const {
    fail(ErrorCode::kIo, "{}://{}:{}: {}{}", tls_ ? "https" : "http", host_, port_, what,
         error ? " (" + error.message() + ")" : "");
  }

  const ClientOptions& options_;
  const bool tls_;
  const std::string host_, port_;
  asio::io_context io_{1};
  tcp::resolver resolver_{io_};
  asio::ssl::context context_{asio::ssl::context::tls_client};
  std::optional<Stream> stream_;
  boost::beast::flat_buffer buffer_;
};

Response response_of(Parser& parser) {
  Response out;
  out.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (name == "content-type") out.content_type = std::string(field.value());
    out.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  out.body = std::move(parser.get().body());
  return out;
}

// Gives the whole lines of `text` and removes them; false: no more are wanted.
bool give_lines(std::string& text, const std::function<bool(std::string_view)>& line) {
  size_t begin = 0;
  bool more = true;
  for (size_t end; more && (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    more = line(std::string_view(text).substr(begin, end - begin));
  text.erase(0, begin);
  return more;
}

}  // namespace

HttpClient::HttpClient(ClientOptions options) : options_(std::move(options)) {
  const std::string& url = options_.url;
  tls_ = url.starts_with("https://");
  if (!tls_ && !url.starts_with("http://"))
    fail(ErrorCode::kSpec, "'{}' is no URL of a host; http://127.0.0.1:8472 is one", url);
  const size_t begin = tls_ ? 8 : 7;
  std::string authority = url.substr(begin, url.find('/', begin) - begin);
  const size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string::npos && authority.find(']', colon) == std::string::npos;
  port_ = has_port ? authority.substr(colon + 1) : (tls_ ? "443" : "80");
  host_ = authority.substr(0, has_port ? colon : std::string::npos);
  if (host_.size() > 2 && host_.front() == '[') host_ = host_.substr(1, host_.size() - 2);
  if (host_.empty() || port_.empty() || port_.find_first_not_of("0123456789") != std::string::npos)
    fail(ErrorCode::kSpec, "'{}' is no URL of a host; http://127.0.0.1:8472 is one", url);
}

Response HttpClient::request(const std::string& method, const std::string& target, const std::string& body,
                             const Headers& headers) const {
  Session session(options_, tls_, host_, port_);
  session.open();
  session.send(method, target, body, headers);
  Parser parser;
  parser.skip(method == "HEAD");
  session.read_head(parser);
  while (!parser.is_done()) session.read_some(parser);
  return response_of(parser);
}

Response HttpClient::lines(const std::string& target, const Headers& headers,
                           const std::function<bool(std::string_view)>& line) const {
  Session session(options_, tls_, host_, port_);
  session.open();
  session.send("GET", target, "", headers);
  Parser parser;
  session.read_head(parser);
  const bool whole = parser.get().result_int() != 200;
  if (!whole) parser.body_limit(boost::none);
  std::string rest;
  while (!parser.is_done()) {
    session.read_some(parser);
    if (whole) continue;
    rest += parser.get().body();
    parser.get().body().clear();
    if (!give_lines(rest, line)) return response_of(parser);
  }
  if (!whole) {
    rest += parser.get().body();
    parser.get().body().clear();
    if (give_lines(rest, line) && !rest.empty()) line(rest);
  }
  return response_of(parser);
}

}  // namespace rle
