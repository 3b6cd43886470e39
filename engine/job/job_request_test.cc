#include "job/job_request.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "job/event_report.h"
#include "job/job_outputs.h"

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
  EXPECT_EQ(refused("alias", std::string(100, 'a')), "accepted");
  EXPECT_EQ(refused("alias", std::string(101, 'a')), "output.alias");
  EXPECT_EQ(refused("alias", "a;b"), "output.alias");
  EXPECT_EQ(refused("alias", 3), "output.alias");
  EXPECT_EQ(refused("folder", "x"), "output.folder");
  EXPECT_EQ(refused("schema", "a b"), "output.schema");
  EXPECT_EQ(refused("flatten", "yes"), "output.flatten");
  EXPECT_EQ(refused("mode", 1), "output.mode");
  EXPECT_EQ(field_of([] { read_job_output("x", "/data"); }), "output");
}

TaskSpec task_of(TaskType type, const char* entity_column, const char* target_column) {
  TaskSpec task;
  task.type = type;
  task.entity_table = "customers";
  task.entity_column = entity_column;
  task.target_table = "articles";
  task.target_column = target_column;
  return task;
}

std::vector<std::string> embeddings_of(const std::string& predictions, const TaskSpec& task) {
  std::vector<std::string> names;
  for (const EmbeddingsOutput& output : embeddings_outputs(parse_output(predictions, "", "/d"), task))
    names.push_back(output.target.display());
  return names;
}

TEST(JobOutputs, EmbeddingsStandBesideThePredictions) {
  using Names = std::vector<std::string>;
  const TaskSpec node = task_of(TaskType::kBinary, "studentId", "label");
  EXPECT_EQ(embeddings_of("PREDICTIONS_A_1.csv", node), Names{"/d/EMBEDDINGS_STUDENTID_A_1.csv"});
  EXPECT_EQ(embeddings_of("x.duckdb::s.PREDICTIONS_A", node), Names{"/d/x.duckdb::s.EMBEDDINGS_STUDENTID_A"});
  EXPECT_EQ(embeddings_of("my run.v2.parquet", node), Names{"/d/EMBEDDINGS_STUDENTID_MY_RUN_V2.parquet"});
  EXPECT_EQ(embeddings_of("p.csv", task_of(TaskType::kRegression, "a b/c", "")),
            Names{"/d/EMBEDDINGS_A_B_C_P.csv"});
  const std::string longest(300, 'x'), alias(100, 'A');
  EXPECT_EQ(embeddings_of(fmt::format("PREDICTIONS_{}.csv", alias),
                          task_of(TaskType::kBinary, longest.c_str(), "")),
            Names{fmt::format("/d/EMBEDDINGS_{}_{}.csv", std::string(64, 'X'), alias)});
  const TaskSpec link = task_of(TaskType::kLinkPrediction, "customer", "article");
  EXPECT_EQ(embeddings_of("PREDICTIONS_A.csv", link),
            (Names{"/d/EMBEDDINGS_CUSTOMER_A.csv", "/d/EMBEDDINGS_ARTICLE_A.csv"}));
  const TaskSpec folded = task_of(TaskType::kRepeatedLinkPrediction, "user", "User");
  EXPECT_EQ(embeddings_of("PREDICTIONS_A.csv", folded),
            (Names{"/d/EMBEDDINGS_USER_A.csv", "/d/EMBEDDINGS_USER_TARGET_A.csv"}));
  const auto targets = embeddings_outputs(parse_output("p.csv", "", ""), link);
  EXPECT_EQ(targets[0].entity_table + targets[0].column, "customerscustomer");
  EXPECT_EQ(targets[1].entity_table + targets[1].column, "articlesarticle");
}

TEST(JobOutputs, AreReadAsTheyAreTold) {
  for (const char* text : {"/d/p.parquet", "/d/x.duckdb::s.t", "/d/x.duckdb::t"}) {
    const OutputTarget target = parse_output(text, "", "/");
    const OutputTarget back = output_of_json(output_json(target));
    EXPECT_EQ(back.kind, target.kind);
    EXPECT_EQ(back.file, target.file);
    EXPECT_EQ(back.table, target.table);
    EXPECT_EQ(back.schema, std::string(text).ends_with("::t") ? "main" : target.schema);
  }
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
