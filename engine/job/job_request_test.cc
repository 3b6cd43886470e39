#include "job/job_request.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "job/event_report.h"

namespace rle {
namespace {
using Json = nlohmann::ordered_json;

template <typename Call>
std::string field_of(Call&& call) {
  try {
    call();
    return "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSpec);
    return error.field();
  }
}

TEST(JobRequest, Outputs) {
  const JobOutput file = read_job_output(
      {{"kind", "files"}, {"folder", "out"}, {"extension", "csv"}, {"alias", "run_1"}}, "/data");
  EXPECT_EQ(file.target.kind, OutputTarget::Kind::kCsv);
  EXPECT_EQ(file.target.file, "/data/out/PREDICTIONS_RUN_1.csv");
  const JobOutput table = read_job_output(
      {{"kind", "duckdb"}, {"database", "/x/p.duckdb"}, {"schema", "s"}, {"alias", "a"}}, "/data");
  EXPECT_EQ(table.target.file, "/x/p.duckdb");
  EXPECT_EQ(table.target.schema, "s");
  EXPECT_EQ(table.target.table, "PREDICTIONS_A");
  const auto refused = [](const char* key, const Json& value) {
    Json output{{"kind", "duckdb"}, {"database", "p.duckdb"}, {"alias", "a"}};
    output[key] = value;
    return field_of([&] { read_job_output(output, "/data"); });
  };
  EXPECT_EQ(refused("flatten", true), "accepted");
  EXPECT_EQ(refused("kind", "postgres"), "output.kind");
  EXPECT_EQ(refused("alias", "a;b"), "output.alias");
  EXPECT_EQ(refused("alias", 3), "output.alias");
  EXPECT_EQ(refused("folder", "x"), "output.folder");
  EXPECT_EQ(refused("schema", "a b"), "output.schema");
  EXPECT_EQ(refused("flatten", "yes"), "output.flatten");
  EXPECT_EQ(refused("mode", 1), "output.mode");
  EXPECT_EQ(field_of([] { read_job_output("x", "/data"); }), "output");
}

TEST(JobRequest, DocumentsOfTheHost) {
  const JobRequest request = parse_job_request(
      R"({"job": "j", "attempt": 3, "action": "settle", "kind": "fit_predict", "spec": {}, "threads": 2,
          "memory_limit_bytes": 5, "options": {"batch_size": 9}, "secrets": {"a": "b"}})");
  EXPECT_EQ(request.action, JobAction::kSettle);
  EXPECT_EQ(request.kind, JobAction::kFitPredict);
  EXPECT_EQ(request.attempt, 3);
  EXPECT_EQ(request.options.batch_size, 9);
  EXPECT_EQ(request.memory_limit_bytes, 5);
  EXPECT_EQ(request.secrets["a"], "b");
  EXPECT_EQ(field_of([] { parse_job_request("[]"); }), "document");
  EXPECT_EQ(field_of([] { parse_job_request("{\"action\": \"dance\"}"); }), "action");
}

TEST(JobRequest, SpecificationsNameTheirFieldsWithoutLines) {
  try {
    read_request_spec({{"dataset", "d"}, {"tables", Json::object()}}, "");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.field(), "spec.tables");
    EXPECT_EQ(std::string(error.what()).find("line"), std::string::npos);
  }
}

TEST(EventReport, LinesAreNumberedWithinTheAttempt) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EventReport report(ends[1], 2);
  report.info("one");
  report.warning("two \xff");
  FitProgress progress{.epoch = 1, .epochs = 2, .loss = 1};
  for (int i = 0; i < 5; ++i) report.progress(progress);  // one of them in a quarter of a second
  report.event("result", {{"x", 1}});
  ::close(ends[1]);
  std::string text(10'000, '\0');
  text.resize(static_cast<size_t>(::read(ends[0], text.data(), text.size())));
  ::close(ends[0]);
  std::vector<Json> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    lines.push_back(Json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  ASSERT_EQ(lines.size(), 4u);
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["seq"], i + 1);
    EXPECT_EQ(lines[i]["attempt"], 2);
  }
  EXPECT_EQ(lines[1]["severity"], "WARNING");
  EXPECT_EQ(lines[2]["epochs"], 2);
  EXPECT_EQ(lines[3]["type"], "result");
}

}  // namespace
}  // namespace rle
