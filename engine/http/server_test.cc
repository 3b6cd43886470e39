// The server as a client meets it, by raw sockets: limits, bad requests, keep-alive, streams, its end.
#include <condition_variable>
#include <deque>

#include "base/error.h"
#include "http/client.h"
#include "http/http_testing.h"

namespace rle {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

class Server : public ::testing::Test {
 protected:
  Server() {
    options_.limits.request = milliseconds(400);
    options_.limits.idle = milliseconds(600);
    options_.limits.stalled = milliseconds(600);
    options_.limits.body_bytes = 100'000;
    options_.finished = [this](const Exchange& exchange) {
      const std::lock_guard lock(mutex_);
      finished_.push_back(exchange);
      wake_.notify_all();
    };
    options_.is_slow = [](const Request& request) { return request.path == "/slow"; };
  }

  void start() {
    server_ =
        std::make_unique<HttpServer>(options_, [this](Request request, std::shared_ptr<Responder> responder) {
          handle(std::move(request), std::move(responder));
        });
    server_->start();
  }

  void handle(Request request, std::shared_ptr<Responder> responder) {
    if (request.path == "/throw") throw std::runtime_error("a mistake");
    if (request.path == "/drop") return;
    if (request.path == "/stream") return stream(std::move(responder));
    if (request.path == "/big") return responder->send({200, "text/plain", std::string(8'000'000, 'b'), {}});
    if (request.path == "/slow") std::this_thread::sleep_for(milliseconds(500));
    responder->send({200, "text/plain", request.method + " " + request.path + " " + request.body, {}});
  }

  // Pieces of 50,000 bytes, each when the former ones are taken, until 10 MB.
  void stream(std::shared_ptr<Responder> responder) {
    responder->begin({200, "text/plain", "", {}});
    responder->when_closed([this] { ++left_; });
    pump(responder, 0);
  }
  void pump(const std::shared_ptr<Responder>& responder, int piece) {
    most_pending_ = std::max<size_t>(most_pending_, responder->pending_bytes());
    if (responder->closed()) return;
    if (piece == 200) return responder->finish();
    responder->write(std::string(50'000, 's'));
    responder->when_drained([this, responder, piece] { pump(responder, piece + 1); });
  }

  std::string ask(const std::string& text) {
    RawClient client(server_->port());
    client.send(text);
    return client.read_answer();
  }
  Exchange next_finished() {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::seconds(10), [this] { return !finished_.empty(); });
    if (finished_.empty()) return {};
    Exchange first = finished_.front();
    finished_.pop_front();
    return first;
  }

  ServerOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Exchange> finished_;
  std::atomic<int> left_{0};
  std::atomic<size_t> most_pending_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(Server, AnswersOnOneConnectionAgainAndAgain) {
  start();
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.send(get("/a"));
    const std::string answer = client.read_answer();
    EXPECT_EQ(status_of(answer), 200);
    EXPECT_NE(answer.find("GET /a "), std::string::npos);
    EXPECT_NE(answer.find("\r\nDate: "), std::string::npos);
    EXPECT_EQ(answer.find("Connection: close"), std::string::npos);
  }
  client.send(get("/p1") + get("/p2"));  // one after the other
  EXPECT_NE(client.read_answer().find("GET /p1"), std::string::npos);
  EXPECT_NE(client.read_answer().find("GET /p2"), std::string::npos);
  const Exchange told = next_finished();
  EXPECT_EQ(told.status, 200);
  EXPECT_EQ(told.path, "/a");
  EXPECT_TRUE(told.peer.starts_with("127.0.0.1:"));
}

TEST_F(Server, IdleConnectionsAreClosed) {
  start();
  RawClient client(server_->port());
  client.send(get("/a"));
  client.read_answer();
  const auto began = Clock::now();
  EXPECT_EQ(client.read_all(), "");
  EXPECT_LT(Clock::now() - began, milliseconds(3000));
}

TEST_F(Server, HeadHasNoBodyAndConnectionCloseCloses) {
  start();
  RawClient client(server_->port());
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = client.read_all();
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_NE(answer.find("Content-Length: 8\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(Server, ATrickleOfBytesIsEnded) {
  start();
  RawClient client(server_->port());
  const auto began = Clock::now();
  client.send("GET / HTTP/1.1\r\nHost: x\r\n");
  while (client.send("a: b\r\n") && Clock::now() - began < milliseconds(700))
    std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(status_of(client.read_answer()), 408);
  RawClient body(server_->port());
  body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc");
  EXPECT_EQ(status_of(body.read_answer()), 408);
  EXPECT_LT(Clock::now() - began, milliseconds(5000));
}

TEST_F(Server, SizesHaveLimits) {
  start();
  EXPECT_EQ(status_of(ask(get("/", "x: " + std::string(9000, 'y') + "\r\n"))), 431);
  EXPECT_EQ(status_of(ask(get("/" + std::string(70'000, 'y')))), 431);
  EXPECT_EQ(status_of(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n")), 413);
  RawClient chunked(server_->port());
  chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 30; ++i) chunked.send("1388\r\n" + std::string(5000, 'c') + "\r\n");
  EXPECT_EQ(status_of(chunked.read_answer()), 413);
  EXPECT_EQ(status_of(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")), 200);
}

TEST_F(Server, WhatIsNoRequestIsRefused) {
  start();
  for (const std::string text :
       {"nonsense\r\n\r\n", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\x16\x03\x01\x02\r\n\r\n"}) {
    const std::string answer = ask(text);
    EXPECT_EQ(status_of(answer), 400) << text << " -> " << answer;
    EXPECT_NE(answer.find("application/problem+json"), std::string::npos) << text;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos) << text;
  }
  EXPECT_EQ(status_of(ask(get("http://x/a?b"))), 200);
}

TEST_F(Server, ExpectationsAreAnswered) {
  start();
  RawClient client(server_->port());
  client.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_NE(client.read_until("POST /e abc").find("200 OK"), std::string::npos);
  EXPECT_EQ(status_of(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: tea\r\n\r\n")), 417);
  const std::string large =
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_EQ(status_of(ask(large)), 413);
}

TEST_F(Server, AdmissionComesBeforeTheBody) {
  options_.admit = [](const Request& request) -> std::optional<Response> {
    if (request.header("authorization")) return std::nullopt;
    return problem_response(401, "unauthorized", "a token is expected");
  };
  start();
  EXPECT_EQ(status_of(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n")), 401);
  RawClient client(server_->port());
  client.send(get("/"));
  EXPECT_EQ(status_of(client.read_answer()), 401);
  client.send(get("/", "Authorization: Bearer x\r\n"));  // without a body the connection goes on
  EXPECT_EQ(status_of(client.read_answer()), 200);
}

TEST_F(Server, MistakesOfHandlersAre500) {
  start();
  EXPECT_EQ(status_of(ask(get("/throw"))), 500);
  EXPECT_EQ(status_of(ask(get("/drop"))), 500);
}

TEST_F(Server, ABodyThatIsTooLargeIsToldThoughItIsStillSent) {
  start();
  const Response answer =
      HttpClient({server_->url(), "", ""}).request("POST", "/", std::string(30'000'000, 'x'));
  EXPECT_EQ(answer.status, 413);
}

TEST_F(Server, ManyConnectionsAtOnce) {
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<RawClient>(server_->port()));
  for (int round = 0; round < 3; ++round) {
    for (auto& client : clients) ASSERT_TRUE(client->send(get(fmt::format("/r{}", round))));
    for (auto& client : clients) ASSERT_EQ(status_of(client->read_answer()), 200);
  }
  EXPECT_EQ(server_->connections(), 200u);
}

TEST_F(Server, TooManyConnectionsAreRefused) {
  options_.limits.connections = 5;
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<RawClient>(server_->port()));
    clients.back()->send(get("/"));
    EXPECT_EQ(status_of(clients.back()->read_answer()), 200);
  }
  RawClient further(server_->port());
  EXPECT_EQ(status_of(further.read_all()), 503);
  clients.clear();
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_EQ(status_of(ask(get("/"))), 200);
}

TEST_F(Server, SlowHandlersDontHoldUpOthers) {
  start();
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 8; ++i) {
    slow.push_back(std::make_unique<RawClient>(server_->port()));
    slow.back()->send(get("/slow"));
  }
  const auto began = Clock::now();
  EXPECT_EQ(status_of(ask(get("/quick"))), 200);
  EXPECT_LT(Clock::now() - began, milliseconds(400));
  for (auto& client : slow) EXPECT_EQ(status_of(client->read_answer()), 200);
}

TEST_F(Server, AStreamWaitsForASlowReader) {
  options_.limits.stalled = milliseconds(20'000);
  start();
  RawClient client(server_->port(), 10'000);
  client.send(get("/stream"));
  std::this_thread::sleep_for(milliseconds(200));
  const std::string answer = client.read_until("\r\n0\r\n\r\n");
  EXPECT_GT(answer.size(), 10'000'000u);
  EXPECT_NE(answer.find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_LE(most_pending_, 70'000u);
  const Exchange told = next_finished();
  EXPECT_EQ(told.bytes, 10'000'000);
  EXPECT_FALSE(told.cut);
  EXPECT_EQ(left_, 0);
}

TEST_F(Server, AReaderWhoStopsOrLeavesEndsTheStream) {
  start();
  RawClient stalled(server_->port(), 10'000);
  stalled.send(get("/stream"));
  EXPECT_TRUE(next_finished().cut);
  auto leaver = std::make_unique<RawClient>(server_->port());
  leaver->send(get("/stream"));
  leaver->read_until("sss");
  leaver.reset();
  EXPECT_TRUE(next_finished().cut);
  for (int i = 0; i < 100 && left_ < 2; ++i) std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(left_, 2);
  RawClient big(server_->port(), 10'000);
  big.send(get("/big"));
  EXPECT_TRUE(next_finished().cut);
}

TEST_F(Server, AStreamOfHttp10EndsWithTheConnection) {
  start();
  RawClient client(server_->port());
  client.send("GET /stream HTTP/1.0\r\n\r\n");
  const std::string answer = client.read_all();
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, 10'000'000u);
}

TEST_F(Server, AnswersUnderWayAreFinishedWhenItStops) {
  start();
  RawClient slow(server_->port()), idle(server_->port()), stream(server_->port(), 10'000);
  slow.send(get("/slow"));
  idle.send(get("/a"));
  idle.read_answer();
  stream.send(get("/stream"));
  stream.read_until("sss");
  const auto began = Clock::now();
  server_->stop(milliseconds(3000));
  EXPECT_LT(Clock::now() - began, milliseconds(2500));
  EXPECT_EQ(status_of(slow.read_answer()), 200);
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_FALSE(stream.read_all().ends_with("0\r\n\r\n"));
  EXPECT_FALSE(RawClient(server_->port()).connected());
  server_.reset();
}

TEST_F(Server, APortThatIsTakenIsNamed) {
  start();
  options_.port = server_->port();
  EXPECT_THROW(HttpServer(options_, nullptr), Error);
}

}  // namespace
}  // namespace rle
