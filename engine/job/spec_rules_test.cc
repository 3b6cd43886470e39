#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "job/job_spec.h"
#include "job/same_source.h"

namespace rle {
namespace {

namespace fs = std::filesystem;

const char* kTimed = R"(
dataset: shop
tables:
  customers: {source: customers.parquet, primary_key: id}
  orders: {source: orders.parquet, primary_key: id, time_column: at, foreign_keys: {customer: customers.id}}
task: {name: t, type: multiclass_classification, entity: customers.id, target: y, time_column: at}
)";

const char* kTimeless = R"(
dataset: shop
tables: {customers: {source: customers.parquet, primary_key: id}}
task: {name: t, type: regression, entity: customers.id, target: y}
)";

using Overrides = std::vector<std::string>;

// The message of the refusal, or "accepted".
std::string verdict(const char* text, const Overrides& overrides) {
  try {
    parse_job_spec(text, SpecFormat::kYaml, ".", overrides);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSpec);
    return error.what();
  }
  return "accepted";
}

std::string warnings(const Overrides& overrides) {
  std::string out;
  for (const std::string& line : parse_job_spec(kTimed, SpecFormat::kYaml, ".", overrides).warnings)
    out += line + "\n";
  return out;
}

void expect_refused(const char* text, const Overrides& overrides, const std::string& part) {
  EXPECT_NE(verdict(text, overrides).find(part), std::string::npos) << verdict(text, overrides);
}

void expect_accepted(const char* text, const Overrides& overrides) {
  EXPECT_EQ(verdict(text, overrides), "accepted");
}

TEST(SpecRules, ScheduleOfTheCosineOnly) {
  const Overrides constant{"config.lr_schedule=constant"};
  expect_accepted(kTimed, constant);
  expect_refused(kTimed, {constant[0], "config.T_max=5"}, "config.T_max: it is of the cosine");
  expect_refused(kTimed, {constant[0], "config.eta_min=0.1"}, "config.eta_min: it is of the cosine");
  expect_accepted(kTimed, {constant[0], "config.T_max=null"});
  expect_refused(kTimed, {"config.preset=relbench", "config.T_max=5"}, "constant (preset relbench)");
  expect_accepted(kTimed, {"config.preset=relbench", "config.T_max=5", "config.lr_schedule=cosine"});
}

TEST(SpecRules, LearningRateNeverRises) {
  expect_refused(kTimed, {"config.lr=0.1", "config.eta_min=0.2"}, "config.eta_min: 0.2 is above lr (0.1)");
  expect_refused(kTimed, {"config.lr=1e-9"}, "config.lr: 1e-09 is below eta_min (1e-08, its default)");
  expect_accepted(kTimed, {"config.lr=0.1", "config.eta_min=0.1"});
  expect_accepted(kTimed, {"config.lr=1e-9", "config.lr_schedule=constant"});
}

TEST(SpecRules, LossOptionsOfTheOtherTask) {
  expect_refused(kTimed, {"config.label_smoothing_alpha=0.1"},
                 "config.label_smoothing_alpha: label_smoothing is false");
  expect_accepted(kTimed, {"config.label_smoothing=true", "config.label_smoothing_alpha=0.1"});
  for (const char* key : {"clamp_min=1", "clamp_max=1", "clamp_percentiles=true"}) {
    const Overrides overrides{fmt::format("config.{}", key)};
    expect_refused(kTimed, overrides, "it bounds a regression's outputs, and the task is a multiclass");
    expect_accepted(kTimeless, overrides);
  }
  expect_accepted(kTimed, {"config.preset=relbench"});
  expect_accepted(kTimed, {"config.clamp_min=null"});
}

TEST(SpecRules, ModelOptionsThatChangeNothing) {
  expect_refused(kTimed, {"config.encoder_blocks=0", "config.dropout=0.1"},
                 "config.dropout: it is inside the residual");
  expect_accepted(kTimed, {"config.encoder_blocks=0"});
  EXPECT_EQ(warnings({}), "");
  EXPECT_NE(warnings({"config.head_norm=batch_norm"}).find("config.head_norm is not used"),
            std::string::npos);
  EXPECT_EQ(warnings({"config.head_norm=layer_norm", "config.head_layers=2"}), "");
  EXPECT_NE(warnings({"config.gnn_layers=1", "config.fanouts=[4, 4, 4]"})
                .find("the last 2 are sampled and not used"),
            std::string::npos);
  EXPECT_EQ(warnings({"config.gnn_layers=1", "config.gnn_norm=batch_norm"}), "")
      << "its figures use every node";
  EXPECT_NE(warnings({"config.gnn_norm=instance_norm"}).find("('customers'), becomes constant"),
            std::string::npos);
}

TEST(SpecRules, OptionsOfTimeWithoutTimes) {
  expect_accepted(kTimeless, {});
  for (const char* set : {"config.use_temporal_encoder=true", "config.temporal_strategy=last",
                          "task.current_time=true", "task.horizon=3d"}) {
    const std::string key = std::string(set).substr(0, std::string(set).find('='));
    expect_refused(kTimeless, {set}, key + ": the task has no time_column");
    expect_accepted(kTimed, {set});
  }
  expect_refused(kTimeless, {"config.visible_until=2020-01-01"},
                 "config.visible_until: no table has a time_column");
  expect_accepted(kTimeless, {"config.visible_until=null", "config.use_temporal_encoder=false"});
}

const char* kLinkTask =
    "task={name: t, type: link_prediction, entity: customers.id, target_entity: orders.id, "
    "target: y, time_column: at}";
const char* kRepeated = "task.type=repeated_link_prediction";

TEST(SpecRules, OptionsOfLinkPredictionOnly) {
  for (const char* set : {"config.num_negative=3", "config.negative_sampling_strategy=degree_based",
                          "config.link_fusion=true"}) {
    const std::string key = std::string(set).substr(0, std::string(set).find('='));
    expect_refused(kTimed, {set}, key + ": it is of link_prediction, and the task is a multiclass");
    expect_refused(kTimed, {kLinkTask, kRepeated, set}, "and the task is a repeated_link_prediction");
    expect_accepted(kTimed, {kLinkTask, set});
  }
  expect_accepted(kTimed, {"config.num_negative=10", "config.negative_sampling_strategy=random",
                           "config.link_fusion=false"});
  for (const Overrides& task : {Overrides{}, Overrides{kLinkTask}, Overrides{kLinkTask, kRepeated}}) {
    Overrides overrides = task;
    overrides.emplace_back("config.id_awareness=true");
    expect_accepted(kTimed, overrides);
  }
}

TEST(SpecRules, LinksHaveNeitherClassesNorBounds) {
  expect_refused(kTimed, {kLinkTask, "config.label_smoothing=true"}, "a link_prediction has no classes");
  expect_refused(kTimed, {kLinkTask, "config.clamp_max=3"}, "the task is a link_prediction; take it out");
  expect_accepted(kTimed, {kLinkTask, "output={flatten: true}"});
  expect_accepted(kTimed, {kLinkTask, "config.preset=relbench"});
}

TEST(SpecRules, ExactInferenceHasNoSubgraphOfItsOwn) {
  const char* exact = "config.inference=exact";
  expect_accepted(kTimed, {exact});
  expect_accepted(kTimed, {kLinkTask, exact});
  expect_refused(kTimed, {exact, "config.id_awareness=true"}, "and id_awareness marks the seed; use sampled");
  expect_refused(kTimed, {exact, kLinkTask, "config.link_fusion=true"}, "and link_fusion scores");
  expect_refused(kTimed, {exact, kLinkTask, kRepeated}, "and a repeated_link_prediction scores");
}

TEST(SpecRules, FlattenNeedsSeveralClasses) {
  expect_refused(kTimeless, {"output={flatten: true}"}, "output.flatten: a regression has one number a row");
  expect_refused(kTimed, {"output={flatten: true}", "task.type=binary_classification"},
                 "output.flatten: a binary");
  expect_accepted(kTimed, {"output={flatten: true}"});
  expect_accepted(kTimeless, {"output={flatten: false}"});
}

TEST(SpecRules, EqualSplitsAreTold) {
  const std::string text = warnings({"task.train=a.csv", "task.validation=./x/../a.csv", "task.test=b.csv"});
  EXPECT_NE(text.find("task.validation and task.train are the same source (./x/../a.csv)"), std::string::npos)
      << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

// A folder of its own, gone with the test.
class Sources : public testing::Test {
 protected:
  Sources() {
    fs::create_directories(folder_ / "d");
    std::ofstream(folder_ / "d/orders.parquet") << "x";
    fs::create_symlink(folder_ / "d/orders.parquet", folder_ / "link.parquet");
    fs::create_directory_symlink(folder_ / "d", folder_ / "e");
  }
  ~Sources() override { fs::remove_all(folder_); }

  bool same(const std::string& a, const std::string& b) const {
    EXPECT_EQ(same_source(a, b, folder_ / "d"), same_source(b, a, folder_ / "d")) << a << " " << b;
    return same_source(a, b, folder_ / "d");
  }

  const std::string name_ = testing::UnitTest::GetInstance()->current_test_info()->name();
  fs::path folder_ = fs::temp_directory_path() / ("rle_sources_" + name_);
};

TEST_F(Sources, OneFileUnderManyNames) {
  const std::string absolute = (folder_ / "d/orders.parquet").string();
  for (const std::string& other :
       {absolute, std::string("../d/orders.parquet"), std::string("./x/../orders.parquet"),
        std::string("../link.parquet"), std::string("../e/orders.parquet"), std::string("ord*.parquet"),
        folder_.string() + "/*/orders.parquet", folder_.string() + "/**/*.parquet",
        std::string("../e/o?ders.parquet")})
    EXPECT_TRUE(same("orders.parquet", other)) << other;
  EXPECT_TRUE(same("ord*.parquet", "*ers.parquet")) << "two globs, one file";
  for (const char* other : {"../orders.parquet", "Orders.parquet", "ord*.csv", "x.duckdb::orders.parquet"})
    EXPECT_FALSE(same("orders.parquet", other)) << other;
}

TEST_F(Sources, TablesOfDatabases) {
  const std::string absolute = (folder_ / "d/a.duckdb").string();
  EXPECT_TRUE(same("a.duckdb::t", absolute + "::main.T"));
  EXPECT_TRUE(same("a.duckdb::t", "../e/a.duckdb::t"));
  EXPECT_FALSE(same("a.duckdb::t", "a.duckdb::other.t"));
  EXPECT_FALSE(same("a.duckdb::t", "../a.duckdb::t"));
}

TEST_F(Sources, LeakBehindAnotherPath) {
  const Overrides tables{"tables.orders.source=" + (folder_ / "d/orders.parquet").string()};
  for (const char* train : {"orders.parquet", "../d/orders.parquet", "../link.parquet"}) {
    const Overrides overrides{tables[0], std::string("task.train=") + train};
    try {
      parse_job_spec(kTimed, SpecFormat::kYaml, folder_ / "d", overrides);
      ADD_FAILURE() << train;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("which is table 'orders', where it is a feature"),
                std::string::npos);
    }
  }
}

}  // namespace
}  // namespace rle
