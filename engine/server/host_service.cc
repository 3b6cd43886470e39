#include "server/host_service.h"

#include <cctype>

#include <algorithm>

#include "http/router.h"
#include "server/routes.h"
#include "server/token.h"

namespace rle {
namespace {

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Response unauthorized(const std::string& detail, const char* more) {
  Response answer = problem_response(401, "unauthorized", detail, "",
                                     "send Authorization: Bearer TOKEN; `rle token show` tells the token");
  answer.headers.emplace_back("WWW-Authenticate", std::string("Bearer realm=\"gnn-rle\"") + more);
  return answer;
}

// Of those a log would have no end: clients poll. They are counted.
bool is_usual(const Exchange& exchange) {
  const bool reads = exchange.method == "GET" || exchange.method == "HEAD";
  return reads && exchange.status < 400 && exchange.seconds < 1 && !exchange.cut &&
         !exchange.route.ends_with("/predictions") && !exchange.route.ends_with("/embeddings");
}

bool is_bearer(std::string_view scheme) {
  constexpr std::string_view kBearer = "bearer ";
  return std::equal(scheme.begin(), scheme.end(), kBearer.begin(), kBearer.end(),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

}  // namespace

class HostService::Impl {
 public:
  Impl(Host& host, HostLog& log, ServiceOptions options)
      : log_(log),
        token_(options.token_file),
        context_{host, figures_, options.user, [this] { return server_->connections(); },
                 [this](const std::string& what) { log_.error("a request failed: " + what); }} {
    add_routes(router_, context_);
    ServerOptions server;
    server.address = options.address;
    server.port = options.port;
    server.certificate_file = options.certificate_file;
    server.key_file = options.key_file;
    server.admit = [this](const Request& request) { return admit(request); };
    server.is_slow = [this](const Request& request) {
      const Route* route = router_.find(request.method, request.path);
      return route && route->slow && !(route->is_quick && route->is_quick(request));
    };
    server.finished = [this](const Exchange& exchange) { finished(exchange); };
    server_ = std::make_unique<HttpServer>(std::move(server),
                                           [this](Request request, std::shared_ptr<Responder> responder) {
                                             router_.handle(std::move(request), responder);
                                           });
  }

  HttpServer& server() { return *server_; }

  double seconds_idle() const {
    return server_->exchanges() > 0 ? 0 : static_cast<double>(now_ms() - last_ms_) / 1000;
  }

 private:
  // Before a body is read: who sends it?
  std::optional<Response> admit(const Request& request) {
    const Route* route = router_.find(request.method, request.path);
    if (route && route->open) return std::nullopt;
    const std::string given = request.header("authorization").value_or("");
    if (given.empty()) return unauthorized("a token is expected", "");
    if (given.size() < 8 || !is_bearer(std::string_view(given).substr(0, 7)) ||
        !token_.matches(std::string_view(given).substr(7)))
      return unauthorized("the token is not the host's", ", error=\"invalid_token\"");
    return std::nullopt;
  }

  void finished(const Exchange& exchange) {
    last_ms_ = now_ms();
    figures_.count(exchange);
    if (!is_usual(exchange)) log_.request(exchange);
  }

  HostLog& log_;
  Token token_;
  HttpFigures figures_;
  Router router_;
  RouteContext context_;
  std::atomic<int64_t> last_ms_{now_ms()};
  std::unique_ptr<HttpServer> server_;
};

HostService::HostService(Host& host, HostLog& log, ServiceOptions options)
    : impl_(std::make_unique<Impl>(host, log, std::move(options))) {}

HostService::~HostService() = default;

std::string HostService::url() const { return impl_->server().url(); }
void HostService::start() { impl_->server().start(); }
void HostService::stop(std::chrono::milliseconds grace) { impl_->server().stop(grace); }
double HostService::seconds_idle() const { return impl_->seconds_idle(); }

}  // namespace rle
