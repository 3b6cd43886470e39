#include "http/router.h"

#include "base/error.h"

namespace rle {
namespace {

// Keeps what was sent.
class KeptAnswer : public Responder {
 public:
  void send(Response response) override { answer = std::move(response); }
  void begin(Response head) override { answer = std::move(head); }
  void write(std::string) override {}
  void finish() override {}
  size_t pending_bytes() const override { return 0; }
  bool closed() const override { return false; }
  void when_drained(std::function<void()>) override {}
  void every(std::chrono::milliseconds, std::function<void()>) override {}
  void when_closed(std::function<void()>) override {}
  void run(std::function<void()>) override {}
  void set_route(std::string given) override { route = std::move(given); }

  Response answer;
  std::string route;
};

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    const auto tell = [](const char* name) {
      return [name](Call& call) {
        std::string text = name;
        for (const auto& [key, value] : call.arguments.path) text += " " + key + "=" + value;
        for (const auto& [key, value] : call.arguments.query) text += " " + key + ":" + value;
        call.responder->send({200, "text/plain", text, {}});
      };
    };
    router_.add({"GET", "/v1/jobs", {"state", "limit"}, false, false, tell("list")});
    router_.add({"POST", "/v1/jobs", {}, false, false, tell("make")});
    router_.add({"GET", "/v1/jobs/{id}", {}, false, false, tell("job")});
    router_.add({"GET", "/v1/jobs/search", {}, false, false, tell("search")});
    router_.add({"POST", "/v1/jobs/{id}/cancel", {}, false, false, tell("cancel")});
  }

  Response ask(const std::string& method, const std::string& path, const std::string& query = "") {
    auto responder = std::make_shared<KeptAnswer>();
    router_.handle({method, path, query, {}, "", ""}, responder);
    return responder->answer;
  }

  Router router_;
};

TEST_F(RouterTest, FindsRoutesAndTheirArguments) {
  EXPECT_EQ(ask("GET", "/v1/jobs", "state=READY&limit=3").body, "list limit:3 state:READY");
  EXPECT_EQ(ask("GET", "/v1/jobs/a%20b%2Fc").body, "job id=a b/c");
  EXPECT_EQ(ask("GET", "/v1/jobs/search").body, "search");
  EXPECT_EQ(ask("POST", "/v1/jobs/7/cancel").body, "cancel id=7");
  EXPECT_EQ(ask("HEAD", "/v1/jobs/7").status, 200);
  EXPECT_EQ(ask("GET", "/v1/jobs", "state=a%2Bb+c&").body, "list state:a+b c");
}

TEST_F(RouterTest, WhatIsNotThereIsTold) {
  for (const char* path : {"/", "/v1", "/v1/jobs/", "/v1/jobs/7/", "//v1/jobs", "/v1/jobs/../jobs",
                           "/v1/jobs/%zz", "/v1/jobs/%00", "/v1/jobs/%ff"})
    EXPECT_EQ(ask("GET", path).status, 404) << path;
  const Response answer = ask("DELETE", "/v1/jobs");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers, (Headers{{"Allow", "GET, HEAD, POST, OPTIONS"}}));
  const Response options = ask("OPTIONS", "/v1/jobs/7/cancel");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers, (Headers{{"Allow", "POST, OPTIONS"}}));
}

TEST_F(RouterTest, QueriesAreChecked) {
  EXPECT_NE(ask("GET", "/v1/jobs", "stat=READY").body.find("did you mean 'state'?"), std::string::npos);
  for (const char* query : {"x=1", "state=a&state=b", "state=%", "state=%ff", "=1", "limit=%zz"})
    EXPECT_EQ(ask("GET", "/v1/jobs", query).status, 400) << query;
}

TEST(Messages, TextIsWrittenAsJson) {
  EXPECT_EQ(json_string("a\"\\\n\xff\xc3\xa9"), "\"a\\\"\\\\\\u000a\\ufffd\xc3\xa9\"");
  EXPECT_TRUE(is_plain_utf8("\xf0\x9f\x98\x80 \xe2\x82\xac"));
  for (const std::string text : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"})
    EXPECT_FALSE(is_plain_utf8(text)) << text;
  EXPECT_FALSE(is_plain_utf8(std::string(1, '\0')));
}

}  // namespace
}  // namespace rle
