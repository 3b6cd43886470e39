#include "server/submission.h"

#include <fstream>

#include "base/error.h"
#include "server/problem.h"
#include "server/scheduler_testing.h"
#include "server/sizes.h"

namespace rle {
namespace {

using namespace server_testing;
namespace fs = std::filesystem;

class SubmissionTest : public FolderOfTest {
 protected:
  SubmissionTest() {
    for (const char* name : {"c.parquet", "l.parquet"}) std::ofstream(folder_ / name) << "x";
    fs::create_directories(folder_ / "jobs" / kModel / "model");
    std::ofstream(folder_ / "jobs" / kModel / "model" / "model.safetensors") << "x";
    request_ = {{"kind", "fit_predict"},
                {"spec",
                 {{"dataset", "shop"},
                  {"tables", {{"customers", {{"source", path("c.parquet")}, {"primary_key", "id"}}}}},
                  {"task",
                   {{"name", "t"},
                    {"type", "regression"},
                    {"entity", "customers.id"},
                    {"target", "y"},
                    {"train", path("l.parquet")},
                    {"validation", path("l.parquet")},
                    {"test", path("l.parquet")}}}}},
                {"output", {{"kind", "files"}, {"folder", folder_.string()}, {"alias", "a1"}}}};
  }
  std::string path(const char* name) const { return (folder_ / name).string(); }

  // pointer: what is changed; null value: taken away.
  std::string with(const std::string& pointer, const Json& value, std::vector<fs::path> roots = {}) {
    Json request = request_;
    const Json::json_pointer place(pointer);
    if (value == "(removed)")
      request.at(place.parent_pointer()).erase(place.back());
    else
      request[place] = value;
    return verdict([&] {
      Submission submission = take_secrets(request);
      check_submission(submission, DataRoots(roots), {folder_ / "jobs", folder_});
    });
  }

  static constexpr const char* kModel = "123e4567-e89b-42d3-a456-426614174000";
  Json request_;
};

TEST_F(SubmissionTest, WhatIsWrongIsNamed) {
  EXPECT_EQ(with("/experiment_name", "e"), "accepted");
  EXPECT_EQ(with("/kind", "train"), "422 invalid-request kind");
  EXPECT_EQ(with("/kind", 3), "422 invalid-request kind");
  EXPECT_EQ(with("/speck", 1), "422 invalid-request speck");
  EXPECT_EQ(with("/engine", "a b"), "422 invalid-request name");
  EXPECT_EQ(with("/spec", "x"), "422 invalid-request spec");
  EXPECT_EQ(with("/spec/config", {{"lr", -1}}), "422 invalid-specification spec.config.lr");
  EXPECT_EQ(with("/spec/config", {{"learning_rate", 1}}),
            "422 invalid-specification spec.config.learning_rate");
  EXPECT_EQ(with("/spec/task/validation", "(removed)"), "422 invalid-specification spec.task.validation");
  EXPECT_EQ(with("/spec/task/test", "(removed)"), "422 invalid-specification spec.task.test");
  EXPECT_EQ(with("/spec/tables/customers/source", "c.parquet"),
            "422 invalid-request spec.tables.customers.source");
  EXPECT_EQ(with("/secrets", 1), "422 invalid-request secrets");
  EXPECT_EQ(with("/model", {{"run_id", kModel}}), "422 invalid-request model");
}

TEST_F(SubmissionTest, Outputs) {
  EXPECT_EQ(with("/output", "(removed)"), "422 invalid-request output");
  EXPECT_EQ(with("/output/alias", "a-b"), "422 invalid-request output.alias");
  EXPECT_EQ(with("/output/alias", std::string(101, 'a')), "422 invalid-request output.alias");
  EXPECT_EQ(with("/output/alias", ""), "422 invalid-request output.alias");
  EXPECT_EQ(with("/output/extension", "pkl"), "422 invalid-request output.extension");
  EXPECT_EQ(with("/output/database", "x"), "422 invalid-request output.database");
  EXPECT_EQ(with("/output/folder", path("none/deeper")), "accepted") << "it is made";
  EXPECT_EQ(with("/options", {{"overwrite", true}}), "accepted");
  request_["kind"] = "fit";
  EXPECT_EQ(with("/output/alias", "b"), "422 invalid-request output");
  EXPECT_EQ(with("/output", "(removed)"), "accepted");
}

TEST_F(SubmissionTest, EmbeddingsWantAnOutput) {
  EXPECT_EQ(with("/options", {{"extract_embeddings", true}}), "accepted");
  request_["kind"] = "fit";
  request_.erase("output");
  EXPECT_EQ(with("/options", {{"extract_embeddings", true}}),
            "422 invalid-request options.extract_embeddings");
}

TEST_F(SubmissionTest, APlaceHasOneName) {
  const auto place = [&](const Json& output) {
    Json request = request_;
    request["output"] = output;
    Submission submission = take_secrets(request);
    check_submission(submission, DataRoots({}), {folder_ / "jobs", folder_});
    return submission.output;
  };
  const auto files = [&](const fs::path& folder, const char* alias, const char* extension = "parquet") {
    return place(
        {{"kind", "files"}, {"folder", folder.string()}, {"alias", alias}, {"extension", extension}});
  };
  const auto table = [&](const char* schema, const char* alias) {
    return place({{"kind", "duckdb"}, {"database", path("d.duckdb")}, {"schema", schema}, {"alias", alias}});
  };
  fs::create_directory_symlink(folder_, folder_ / "link");
  EXPECT_EQ(files(folder_ / "link" / "x" / "..", "a"), files(folder_, "A"));
  EXPECT_NE(files(folder_, "a"), files(folder_, "b"));
  EXPECT_NE(files(folder_, "a"), files(folder_, "a", "csv"));
  EXPECT_EQ(table("Main", "a"),
            place({{"kind", "duckdb"}, {"database", path("link/d.duckdb")}, {"alias", "A"}}));
  EXPECT_NE(table("s", "a"), table("main", "a"));
}

TEST_F(SubmissionTest, Options) {
  EXPECT_EQ(with("/options", {{"align_dtypes", true}}), "accepted");
  EXPECT_EQ(with("/options", {{"extract_embeddings", false}, {"align_dtypes", false}}), "accepted");
  EXPECT_EQ(with("/options", {{"batch_size", 0}}), "422 invalid-request options.batch_size");
  EXPECT_EQ(with("/options", {{"fast", true}}), "422 invalid-request options.fast");
}

TEST_F(SubmissionTest, ModelsByTheIdOfTheirJob) {
  request_["kind"] = "predict";
  EXPECT_EQ(with("/model", "(removed)"), "422 invalid-request model");
  EXPECT_EQ(with("/model", {{"run_id", kModel}}), "accepted");
  EXPECT_EQ(with("/model", {{"run_id", "../../etc"}}), "422 invalid-request model.run_id");
  EXPECT_EQ(with("/model", {{"run_id", "00000000-0000-4000-8000-000000000000"}}),
            "422 invalid-request model.run_id");
}

TEST_F(SubmissionTest, DataRootsHoldAfterLinksAreFollowed) {
  const fs::path root = folder_ / "data", outside = folder_ / "outside";
  fs::create_directories(root / "sub");
  fs::create_directories(outside);
  std::ofstream(outside / "x.parquet") << "x";
  std::ofstream(root / "y.parquet") << "y";
  fs::create_symlink(outside / "x.parquet", root / "link.parquet");
  fs::create_symlink(outside / "new.duckdb", root / "dangling.duckdb");
  fs::create_symlink(outside, root / "away");
  const DataRoots roots({root});
  const auto look = [&](const std::string& source) {
    return verdict([&] { roots.require_inside(source, "f"); });
  };
  for (const char* good : {"y.parquet", "sub/new.csv", "sub/../y.parquet", "new.duckdb::main.t", "sub/*.csv"})
    EXPECT_EQ(look(good), "accepted") << good;
  EXPECT_EQ(look((root / "y.parquet").string()), "accepted");
  for (const char* bad : {"link.parquet", "../outside/x.parquet", "dangling.duckdb::t", "away/x.parquet",
                          "away/*.parquet", "*.parquet", "**/x.parquet", "/etc/passwd"})
    EXPECT_EQ(look(bad), "422 invalid-request f") << bad;
  EXPECT_EQ(with("/experiment_name", "e", {root}), "422 invalid-request spec.tables.customers.source");
  EXPECT_THROW(DataRoots({folder_ / "none"}), Error);
}

TEST_F(SubmissionTest, SecretsAreSplitOff) {
  request_["secrets"] = {{"token", "hunter2"}};
  const Submission submission = take_secrets(request_);
  EXPECT_EQ(submission.secrets["token"], "hunter2");
  EXPECT_EQ(submission.request.dump().find("hunter2"), std::string::npos);
}

TEST(EngineNames, Rules) {
  for (const std::string& good : std::vector<std::string>{"a", "_x", "My-Engine_2", std::string(64, 'a')})
    EXPECT_EQ(verdict([&] { check_engine_name(good); }), "accepted") << good;
  for (const std::string& bad :
       std::vector<std::string>{"", "1a", "-a", "a b", "a/b", "é", "a.b", std::string(65, 'a')})
    EXPECT_EQ(verdict([&] { check_engine_name(bad); }), "422 invalid-request name") << bad;
}

TEST(Uuid, KeptInLowerCase) {
  EXPECT_EQ(checked_uuid("123E4567-E89B-42D3-A456-426614174000", "id"),
            "123e4567-e89b-42d3-a456-426614174000");
  EXPECT_EQ(verdict([] { checked_uuid("123e4567e89b42d3a456426614174000", "id"); }),
            "422 invalid-request id");
  EXPECT_EQ(checked_uuid(new_uuid(), "id").size(), 36u);
}

class SizesTest : public FolderOfTest {};

TEST_F(SizesTest, DefaultsAreWrittenAndMistakesNamed) {
  const fs::path file = folder_ / "sizes.json";
  EXPECT_NE(Sizes(file).find("GPU_NV_S"), nullptr);
  ASSERT_TRUE(fs::exists(file));
  const auto refusal = [&](const std::string& text) {
    std::ofstream(file) << text;
    try {
      Sizes sizes(file);
      return std::string("accepted");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kSpec);
      return std::string(error.what()).substr(file.string().size() + 2, 30);
    }
  };
  EXPECT_EQ(refusal(R"({"HIGHMEM_X64_S": {"memory_limit": "4GiB", "threads": 2}})"), "accepted");
  EXPECT_EQ(Sizes(file).find("HIGHMEM_X64_S")->memory_limit_bytes, int64_t{4} << 30);
  EXPECT_EQ(refusal("{"), "is no JSON; mend it, or remove");
  EXPECT_EQ(refusal("[]"), "expected an object, a member a");
  EXPECT_EQ(refusal("{}"), "HIGHMEM_X64_S is missing, the ");
  EXPECT_EQ(refusal(R"({"HIGHMEM_X64_S": {"threads": -1}})"), "HIGHMEM_X64_S.threads: expecte");
  EXPECT_EQ(refusal(R"({"HIGHMEM_X64_S": {"memory_limit": "much"}})"), "HIGHMEM_X64_S.memory_limit: ex");
  EXPECT_EQ(refusal(R"({"HIGHMEM_X64_S": {"memory_limit": "20MiB"}})"), "HIGHMEM_X64_S.memory_limit: 20");
  EXPECT_EQ(refusal(R"({"HIGHMEM_X64_S": {"memory_limit": "32MiB"}})"), "accepted");
  EXPECT_EQ(refusal(R"({"HIGHMEM_X64_S": {"device": "tpu"}})"), "HIGHMEM_X64_S.device: expected");
  EXPECT_EQ(refusal(R"({"HIGHMEM_X64_S": {"cores": 2}})"), "HIGHMEM_X64_S.cores: unknown k");
  EXPECT_EQ(refusal(R"({"HIGHMEM_X64_S": 3})"), "HIGHMEM_X64_S: expected an obj");
}

}  // namespace
}  // namespace rle
