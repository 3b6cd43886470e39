#include "task/baselines.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/rng.h"
#include "task/task_testing.h"

namespace rle {
namespace {

using namespace testing_task;

struct Row {
  NodeId entity;
  int64_t day;
  float value;
};

// Rows in canonical order.
LabelTable split_of(Split split, const std::vector<Row>& rows) {
  LabelTable labels;
  labels.split = split;
  labels.rows = static_cast<int64_t>(rows.size());
  labels.labelled = true;
  for (const Row& row : rows) {
    labels.entity.push_back(row.entity);
    labels.time_us.push_back(row.day * kMicrosPerDay);
    labels.value.push_back(row.value);
    labels.has_label.push_back(!std::isnan(row.value));
  }
  return labels;
}

LabelEncoding encoding_of(TaskType type, std::vector<std::string> classes = {}) {
  LabelEncoding encoding;
  encoding.type = type;
  encoding.classes = std::move(classes);
  return encoding;
}

TaskSpec spec(TaskType type, int64_t horizon_days) {
  TaskSpec result = task(type);
  if (horizon_days >= 0) result.horizon_us = horizon_days * kMicrosPerDay;
  return result;
}

double metric(const std::vector<BaselineResult>& results, std::string_view name, std::string_view metric) {
  for (const BaselineResult& result : results)
    if (result.name == name)
      for (const MetricValue& value : result.metrics)
        if (value.name == metric) return value.value;
  ADD_FAILURE() << "no " << name << " " << metric;
  return 0;
}

TEST(Baselines, RegressionFigures) {
  const LabelTable train = split_of(Split::kTrain, {{1, 0, 10}, {1, 1, 20}, {1, 2, 60}, {2, 2, 2}});
  // Entity 9 has no labels: global mean 23, global median 15.
  const LabelTable test = split_of(Split::kTest, {{1, 10, 0}, {9, 10, 0}});
  const auto results =
      evaluate_baselines(spec(TaskType::kRegression, 2), encoding_of(TaskType::kRegression), {&train}, test);
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(results[0].labels, "train");
  EXPECT_DOUBLE_EQ(metric(results, "global mean", "mae"), 23);
  EXPECT_DOUBLE_EQ(metric(results, "global median", "mae"), 15);
  EXPECT_DOUBLE_EQ(metric(results, "entity mean", "mae"), (30 + 23) / 2.0);
  EXPECT_DOUBLE_EQ(metric(results, "entity median", "mae"), (20 + 15) / 2.0);
  EXPECT_DOUBLE_EQ(metric(results, "last label", "mae"), (60 + 15) / 2.0);
}

TEST(Baselines, OnlyLabelsWhoseWindowHasClosed) {
  const LabelTable train = split_of(Split::kTrain, {{1, 0, 10}, {1, 5, 1000}});
  const auto last_label_error = [&](int64_t seed_day) {
    const LabelTable test = split_of(Split::kTest, {{1, seed_day, 0}});
    return metric(evaluate_baselines(spec(TaskType::kRegression, 3), encoding_of(TaskType::kRegression),
                                     {&train}, test),
                  "last label", "mae");
  };
  EXPECT_EQ(last_label_error(7), 10);    // the window of day 5 closes on day 8
  EXPECT_EQ(last_label_error(8), 1000);  // at the seed time: closed
  EXPECT_EQ(last_label_error(3), 10);
  const LabelTable early = split_of(Split::kTest, {{1, 2, 0}});
  EXPECT_TRUE(
      evaluate_baselines(spec(TaskType::kRegression, 3), encoding_of(TaskType::kRegression), {&train}, early)
          .empty());
}

TEST(Baselines, BeforeAnyLabelTheScoreIsNeutral) {
  const LabelTable train = split_of(Split::kTrain, {{1, 5, 8}});
  const LabelTable test = split_of(Split::kTest, {{1, 2, 3}, {1, 9, 3}});
  const auto results =
      evaluate_baselines(spec(TaskType::kRegression, 1), encoding_of(TaskType::kRegression), {&train}, test);
  EXPECT_EQ(metric(results, "global mean", "mae"), (3 + 5) / 2.0);
  EXPECT_EQ(metric(results, "entity median", "mae"), (3 + 5) / 2.0);
}

TEST(Baselines, WithoutAHorizonOnlyTrainingLabelsBeforeTheFirstSeed) {
  const LabelTable train = split_of(Split::kTrain, {{1, 0, 10}, {1, 6, 1000}});
  const LabelTable validation = split_of(Split::kValidation, {{1, 4, 500}});
  const LabelTable test = split_of(Split::kTest, {{1, 5, 0}, {1, 9, 0}});
  const auto results = evaluate_baselines(spec(TaskType::kRegression, -1), encoding_of(TaskType::kRegression),
                                          {&train, &validation}, test);
  ASSERT_FALSE(results.empty());
  EXPECT_EQ(results[0].labels, "train");
  EXPECT_EQ(metric(results, "last label", "mae"), 10);
}

TEST(Baselines, NamesTheSplitsItUsed) {
  const LabelTable train = split_of(Split::kTrain, {{1, 0, 10}});
  const LabelTable validation = split_of(Split::kValidation, {{1, 4, 20}});
  const LabelTable test = split_of(Split::kTest, {{1, 9, 0}});
  const auto results = evaluate_baselines(spec(TaskType::kRegression, 1), encoding_of(TaskType::kRegression),
                                          {&validation, &train}, test);
  ASSERT_FALSE(results.empty());
  EXPECT_EQ(results[0].labels, "train + validation");
  EXPECT_EQ(metric(results, "last label", "mae"), 20);
}

TEST(Baselines, OwnSplitIsUsedOnlyAsFarAsItsWindowsHaveClosed) {
  const LabelTable train = split_of(Split::kTrain, {{1, 0, 1}, {1, 10, 1}, {1, 20, 5}});
  // Day 0 knows nothing (0), day 10 and 20 the first labels: errors 1, 0, 4.
  const auto rolling = evaluate_baselines(spec(TaskType::kRegression, 10), encoding_of(TaskType::kRegression),
                                          {&train}, train);
  EXPECT_DOUBLE_EQ(metric(rolling, "last label", "mae"), 5 / 3.0);
  EXPECT_TRUE(
      evaluate_baselines(spec(TaskType::kRegression, 0), encoding_of(TaskType::kRegression), {&train}, train)
          .empty());
  EXPECT_TRUE(
      evaluate_baselines(spec(TaskType::kRegression, -1), encoding_of(TaskType::kRegression), {&train}, train)
          .empty());
}

TEST(Baselines, WithoutTimesAllLabelsOfOtherSplits) {
  LabelTable train = split_of(Split::kTrain, {{1, 0, 4}, {2, 0, 8}});
  LabelTable test = split_of(Split::kTest, {{1, 0, 0}});
  train.time_us.clear();
  test.time_us.clear();
  TaskSpec timeless = spec(TaskType::kRegression, 30);
  timeless.time_column.reset();
  const auto results =
      evaluate_baselines(timeless, encoding_of(TaskType::kRegression), {&train, &test}, test);
  EXPECT_EQ(metric(results, "global mean", "mae"), 6);
  EXPECT_EQ(metric(results, "entity mean", "mae"), 4);
}

TEST(Baselines, BinaryEntityShareRanks) {
  const LabelTable train = split_of(Split::kTrain, {{1, 0, 1}, {2, 0, 0}, {1, 1, 1}, {2, 1, 1}, {3, 1, 0}});
  const LabelTable test = split_of(Split::kTest, {{1, 9, 1}, {2, 9, 1}, {3, 9, 0}, {3, 9, NAN}});
  const auto results = evaluate_baselines(spec(TaskType::kBinary, 1),
                                          encoding_of(TaskType::kBinary, {"0", "1"}), {&train}, test);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(metric(results, "prior", "roc_auc"), 0.5);
  EXPECT_DOUBLE_EQ(metric(results, "prior", "accuracy"), 2 / 3.0);  // 0.6: all positive
  EXPECT_EQ(metric(results, "entity mean", "roc_auc"), 1.0);
  EXPECT_EQ(metric(results, "last label", "accuracy"), 1.0);
}

TEST(Baselines, MulticlassMajorityAndEntityMajority) {
  LabelTable train = split_of(Split::kTrain, {{1, 0, 0}, {1, 1, 0}, {1, 2, 0}, {2, 2, 0}, {3, 2, 0}});
  train.class_id = {2, 2, 0, 0, 0};
  LabelTable test = split_of(Split::kTest, {{1, 9, 0}, {2, 9, 0}, {7, 9, 0}});
  test.class_id = {2, 0, 0};
  const auto results = evaluate_baselines(
      spec(TaskType::kMulticlass, 1), encoding_of(TaskType::kMulticlass, {"a", "b", "c"}), {&train}, test);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_DOUBLE_EQ(metric(results, "majority", "accuracy"), 2 / 3.0);
  EXPECT_DOUBLE_EQ(metric(results, "entity majority", "accuracy"), 1.0);
  EXPECT_DOUBLE_EQ(metric(results, "last label", "accuracy"), 2 / 3.0);
}

TEST(Baselines, MultilabelSharesOfTheEntity) {
  LabelTable train = split_of(Split::kTrain, {{1, 0, 0}, {2, 0, 0}});
  train.label_offsets = {0, 1, 3};
  train.label_ids = {0, 0, 1};
  LabelTable test = split_of(Split::kTest, {{1, 9, 0}, {2, 9, 0}});
  test.label_offsets = {0, 1, 2};
  test.label_ids = {0, 1};
  const auto results = evaluate_baselines(spec(TaskType::kMultilabel, 1),
                                          encoding_of(TaskType::kMultilabel, {"x", "y"}), {&train}, test);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(metric(results, "prior", "multilabel_precision_micro"),
            0.5);  // 1.0 and 0.5: both decided everywhere
  EXPECT_DOUBLE_EQ(metric(results, "entity mean", "multilabel_precision_micro"), 2 / 3.0);
}

// The sweep against the definition, label by label.
TEST(Baselines, EntityMedianIsThatOfTheDefinition) {
  RngStream random(RngKey(11).with("baselines"));
  const auto draw = [&](int64_t rows, int64_t first_day, int64_t days) {
    std::vector<Row> result;
    for (int64_t i = 0; i < rows; ++i)
      result.push_back({static_cast<NodeId>(random.below(6)),
                        first_day + static_cast<int64_t>(random.below(days)),
                        static_cast<float>(random.below(9))});
    std::sort(result.begin(), result.end(), [](const Row& a, const Row& b) {
      return std::tie(a.day, a.entity, a.value) < std::tie(b.day, b.entity, b.value);
    });
    return result;
  };
  const std::vector<Row> train = draw(60, 0, 30), test = draw(50, 10, 40);
  constexpr int64_t kHorizon = 5;
  const auto median = [&](const Row& seed, bool own) -> double {
    std::vector<double> values;
    for (const Row& row : train)
      if (row.day + kHorizon <= seed.day && (!own || row.entity == seed.entity)) values.push_back(row.value);
    if (values.empty()) return own ? NAN : 0.0;
    std::sort(values.begin(), values.end());
    return 0.5 * (values[(values.size() - 1) / 2] + values[values.size() / 2]);
  };
  double global_error = 0, entity_error = 0;
  for (const Row& seed : test) {
    const double global = median(seed, false), entity = median(seed, true);
    global_error += std::abs(seed.value - global) / 50;
    entity_error += std::abs(seed.value - (std::isnan(entity) ? global : entity)) / 50;
  }
  const LabelTable history = split_of(Split::kTrain, train), target = split_of(Split::kTest, test);
  const auto results = evaluate_baselines(spec(TaskType::kRegression, kHorizon),
                                          encoding_of(TaskType::kRegression), {&history}, target);
  EXPECT_NEAR(metric(results, "global median", "mae"), global_error, 1e-12);
  EXPECT_NEAR(metric(results, "entity median", "mae"), entity_error, 1e-12);
}

}  // namespace
}  // namespace rle
