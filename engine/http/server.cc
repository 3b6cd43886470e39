#include "http/server.h"

#include <condition_variable>

#include "base/error.h"
#include "http/connection.h"

namespace rle {
namespace {

asio::ip::address address_of(const std::string& text) {
  const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  error_code error;
  const auto address = asio::ip::make_address(
      text == "localhost" ? "127.0.0.1" : (bracketed ? text.substr(1, text.size() - 2) : text), error);
  if (error)
    fail(ErrorCode::kSpec, "'{}' is no address of this machine; 127.0.0.1, [::1] and 0.0.0.0 are such", text);
  return address;
}

asio::ssl::context tls_of(const ServerOptions& options) {
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                  asio::ssl::context::no_tlsv1_1 | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(tls.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  error_code error;
  tls.use_certificate_chain_file(options.certificate_file, error);
  if (error)
    fail(ErrorCode::kSpec, "{}: no certificate in PEM: {}", options.certificate_file, error.message());
  tls.use_private_key_file(options.key_file, asio::ssl::context::pem, error);
  if (error)
    fail(ErrorCode::kSpec, "{}: no key in PEM of that certificate: {}", options.key_file, error.message());
  return tls;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(ServerOptions options, HttpHandler handler)
      : shared_(std::make_shared<ServerShared>(std::move(options), std::move(handler))),
        acceptor_(shared_->io),
        pause_(shared_->io),
        keep_(asio::make_work_guard(shared_->io)) {
    const ServerOptions& asked = shared_->options;
    const tcp::endpoint endpoint(address_of(asked.address), asked.port);
    if (!asked.certificate_file.empty() || !asked.key_file.empty()) shared_->tls.emplace(tls_of(asked));
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error)
      fail(ErrorCode::kIo, "{} port {} can't be listened on: {}", asked.address, asked.port, error.message());
    port_ = acceptor_.local_endpoint().port();
  }

  ~Impl() {
    stop(std::chrono::milliseconds(0));
    shared_->quick.stop();
    shared_->slow.stop();
    keep_.reset();
    if (thread_.joinable()) thread_.join();
    shared_->io.restart();
    shared_->io.poll();  // what was asked for after the end, with the connections it holds
  }

  void start() {
    accept();
    thread_ = std::thread([this] { shared_->io.run(); });
  }

  void stop(std::chrono::milliseconds grace) {
    asio::post(shared_->io, [this] {
      shared_->stopping = true;
      error_code ignored;
      acceptor_.close(ignored);
      pause_.cancel();
      for (const auto& connection : std::set(shared_->connections)) connection->stop();
    });
    if (!thread_.joinable()) {
      shared_->io.poll();
      return;
    }
    const auto until = std::chrono::steady_clock::now() + grace;
    while (shared_->count > 0 && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::mutex mutex;
    std::condition_variable wake;
    bool done = false;
    asio::post(shared_->io, [&] {
      for (const auto& connection : std::set(shared_->connections)) connection->close();
      const std::lock_guard lock(mutex);
      done = true;
      wake.notify_one();
    });
    std::unique_lock lock(mutex);
    wake.wait(lock, [&] { return done; });
  }

  uint16_t port() const { return port_; }
  size_t connections() const { return shared_->count; }
  size_t exchanges() const { return shared_->exchanges; }
  const ServerOptions& options() const { return shared_->options; }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (shared_->stopping) return;
      if (error) return pause();
      admit(std::move(socket));
      accept();
    });
  }

  // No descriptors left: others may become free.
  void pause() {
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([this](error_code error) {
      if (!error && !shared_->stopping) accept();
    });
  }

  void admit(tcp::socket socket) {
    if (shared_->count >= shared_->options.limits.connections) return refuse(std::move(socket));
    shared_->count.fetch_add(1);
    auto connection = std::make_shared<Connection>(shared_, std::move(socket));
    shared_->connections.insert(connection);
    connection->start();
  }

  void refuse(tcp::socket socket) {
    error_code ignored;
    if (shared_->tls) return;
    const Response busy = problem_response(503, "busy", "too many connections");
    const std::string text = fmt::format(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: {}\r\nContent-Length: {}\r\nRetry-After: 2\r\n"
        "Connection: close\r\n\r\n{}",
        busy.content_type, busy.body.size(), busy.body);
    socket.non_blocking(true, ignored);
    socket.send(asio::buffer(text), 0, ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    char thrown_away[8192];
    socket.receive(asio::buffer(thrown_away), 0, ignored);
  }

  std::shared_ptr<ServerShared> shared_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::executor_work_guard<asio::io_context::executor_type> keep_;
  std::thread thread_;
  uint16_t port_ = 0;
};

HttpServer::HttpServer(ServerOptions options, HttpHandler handler)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() = default;

uint16_t HttpServer::port() const { return impl_->port(); }
size_t HttpServer::connections() const { return impl_->connections(); }
size_t HttpServer::exchanges() const { return impl_->exchanges(); }
void HttpServer::start() { impl_->start(); }
void HttpServer::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }

std::string HttpServer::url() const {
  const ServerOptions& options = impl_->options();
  const bool bare_ipv6 = options.address.find(':') != std::string::npos && !options.address.starts_with('[');
  return fmt::format("{}://{}:{}", options.certificate_file.empty() ? "http" : "https",
                     bare_ipv6 ? "[" + options.address + "]" : options.address, impl_->port());
}

bool is_loopback(const std::string& address) { return address_of(address).is_loopback(); }

}  // namespace rle
