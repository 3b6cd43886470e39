#include "server/json_body.h"

#include "base/error.h"
#include "server/problem.h"

namespace rle {
namespace {

void expect_problem(int status, const std::string& part, const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "no problem: " << part;
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.status, status) << problem.detail;
    EXPECT_NE(problem.detail.find(part), std::string::npos) << "no '" << part << "' in: " << problem.detail;
  }
}

Request with_body(const std::string& body, const std::string& type = "application/json") {
  return {"POST", "/", "", {{"content-type", type}}, body, ""};
}

TEST(JsonBody, ValuesAreKeptInTheirOrder) {
  const Json value = parse_json(R"({"b": [1, -2, 2.5, "é\n", null, true], "a": {"c": {}}})");
  EXPECT_EQ(value.dump(), R"({"b":[1,-2,2.5,"é\n",null,true],"a":{"c":{}}})");
  EXPECT_EQ(parse_json(" 3 "), Json(3));
}

TEST(JsonBody, WhatIsNoJsonIsToldWithItsPlace) {
  expect_problem(400, "line 2, column 5", [] { parse_json("{\n\"a\":}"); });
  expect_problem(400, "line 1, column 4", [] { parse_json("[1,"); });
  for (const std::string text :
       {"", "{", "[1 2]", "{\"a\" 1}", "nul", "\"\xff\"", "[1e999]", "{'a': 1}", "[1] x", "NaN"})
    expect_problem(400, "no JSON", [&] { parse_json(text); });
}

TEST(JsonBody, KeysTwiceAndDepthsAreRefused) {
  expect_problem(400, "'a' is there twice", [] { parse_json(R"({"a": 1, "b": {"a": 1, "a": 2}})"); });
  EXPECT_NO_THROW(parse_json(std::string(64, '[') + std::string(64, ']')));
  expect_problem(400, "64 levels", [] { parse_json(std::string(65, '[') + std::string(65, ']')); });
  expect_problem(400, "64 levels", [] { parse_json(std::string(1'000'000, '[')); });
  expect_problem(400, "zero byte", [] { parse_json("\"a\\u0000b\""); });
}

TEST(JsonBody, ManyMembersTakeNoLongTime) {
  std::string text = "{\"k\": 0";
  for (int i = 0; i < 200'000; ++i) text += fmt::format(",\"{}\":{}", i, i);
  EXPECT_EQ(parse_json(text + "}").size(), 200'001u);
}

TEST(JsonBody, TypeAndMembersAreChecked) {
  const std::vector<std::string> known{"name", "size"};
  EXPECT_EQ(read_object(with_body("{\"name\": 1}", "Application/JSON; charset=\"UTF-8\""), known).size(), 1u);
  for (const char* type : {"", "text/plain", "application/json; charset=latin-1", "application/jsonx"})
    expect_problem(415, "application/json", [&] { read_object(with_body("{}", type), known); });
  Request coded = with_body("{}");
  coded.headers.emplace_back("content-encoding", "gzip");
  expect_problem(415, "gzip", [&] { read_object(coded, known); });
  expect_problem(422, "did you mean 'name'?", [&] { read_object(with_body("{\"nmae\": 1}"), known); });
  expect_problem(422, "found array", [&] { read_object(with_body("[]"), known); });
  expect_problem(400, "a body is expected", [&] { read_object(with_body(""), known); });
  expect_problem(422, "name is missing", [] { text_member(Json::object(), "name"); });
  expect_problem(422, "expected to be text", [] { text_member({{"name", 3}}, "name"); });
}

}  // namespace
}  // namespace rle
