#include "task/metrics.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "task/task_testing.h"

namespace rle {
namespace {

using namespace testing_task;

Predictions read_case(const nlohmann::json& entry) {
  Predictions p;
  p.type = task_type_from_string(entry["type"].get<std::string>()).value();
  p.outputs = entry["outputs"];
  p.score = entry["score"].get<std::vector<double>>();
  p.rows = static_cast<int64_t>(p.score.size()) / p.outputs;
  if (entry.contains("value")) p.value = entry["value"].get<std::vector<double>>();
  if (entry.contains("class_id")) p.class_id = entry["class_id"].get<std::vector<int32_t>>();
  if (!entry.contains("labels")) return p;
  p.label_offsets.push_back(0);
  for (const nlohmann::json& row : entry["labels"]) {
    for (const nlohmann::json& id : row) p.label_ids.push_back(id.get<int32_t>());
    p.label_offsets.push_back(static_cast<int32_t>(p.label_ids.size()));
  }
  return p;
}

Predictions binary(std::vector<double> score, std::vector<double> value) {
  Predictions p;
  p.rows = static_cast<int64_t>(value.size());
  p.score = std::move(score);
  p.value = std::move(value);
  return p;
}

TEST(Metrics, AgreeWithScikitLearn) {
  std::ifstream file(RLE_SOURCE_DIR "/engine/task/testdata/metrics.json");
  const nlohmann::json cases = nlohmann::json::parse(file);
  ASSERT_GE(cases.size(), 30u);
  int compared = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    const std::vector<MetricValue> values = compute_metrics(read_case(cases[i]));
    ASSERT_EQ(values.size(), cases[i]["metrics"].size()) << "case " << i;
    for (const MetricValue& metric : values) {
      const nlohmann::json& expected = cases[i]["metrics"].at(metric.name);
      ++compared;
      if (expected.is_null())
        EXPECT_TRUE(std::isnan(metric.value)) << "case " << i << " " << metric.name << " " << metric.value;
      else
        EXPECT_NEAR(metric.value, expected.get<double>(),
                    1e-9 * std::max(1.0, std::abs(expected.get<double>())))
            << "case " << i << " " << metric.name;
    }
  }
  EXPECT_GE(compared, 150);
}

TEST(Metrics, TiedScoresCountHalf) {
  // Pairs (positive, negative): 0.7 > 0.3 wins, 0.3 = 0.3 is half.
  EXPECT_DOUBLE_EQ(compute_metric("roc_auc", binary({0.7, 0.3, 0.3}, {1, 1, 0})), 0.75);
  EXPECT_DOUBLE_EQ(compute_metric("roc_auc", binary({0.2, 0.2, 0.2, 0.2}, {1, 0, 1, 0})), 0.5);
  // The order of tied rows does not matter.
  EXPECT_EQ(compute_metric("average_precision", binary({0.3, 0.3, 0.7}, {0, 1, 1})),
            compute_metric("average_precision", binary({0.3, 0.3, 0.7}, {1, 0, 1})));
}

TEST(Metrics, HalfIsPositiveAndTheFirstOfEqualClassesWins) {
  EXPECT_EQ(compute_metric("recall", binary({0.5, 0.49}, {1, 1})), 0.5);
  Predictions p;
  p.type = TaskType::kMulticlass;
  p.rows = 1;
  p.outputs = 3;
  p.score = {0.2, 0.4, 0.4};
  p.class_id = {1};
  EXPECT_EQ(compute_metric("accuracy", p), 1.0);
}

TEST(Metrics, ScoresThatAreNotFiniteAndNoRowsAreNan) {
  for (const MetricValue& metric : compute_metrics(binary({0.5, NAN}, {1, 0})))
    EXPECT_TRUE(std::isnan(metric.value));
  for (TaskType type :
       {TaskType::kBinary, TaskType::kMulticlass, TaskType::kMultilabel, TaskType::kRegression}) {
    Predictions none;
    none.type = type;
    none.label_offsets = {0};
    for (const MetricValue& metric : compute_metrics(none))
      EXPECT_TRUE(std::isnan(metric.value)) << metric.name;
  }
}

TEST(Metrics, ConstantTruthThatIsNoBinaryFraction) {
  Predictions p = binary({0.1, 0.1, 0.2}, {0.1, 0.1, 0.1});
  p.type = TaskType::kRegression;
  EXPECT_EQ(compute_metric("r2", p), 0.0);
  p.score = p.value;
  EXPECT_EQ(compute_metric("r2", p), 1.0);
}

TEST(Metrics, NamesDefaultsAndDirections) {
  EXPECT_EQ(default_metric(TaskType::kBinary), "roc_auc");
  EXPECT_EQ(default_metric(TaskType::kMulticlass), "macro_f1");
  EXPECT_EQ(default_metric(TaskType::kMultilabel), "multilabel_auroc_macro");
  EXPECT_EQ(default_metric(TaskType::kRegression), "rmse");
  EXPECT_FALSE(higher_is_better("mape"));
  EXPECT_TRUE(higher_is_better("r2"));
  expect_error(ErrorCode::kSpec, {"no metric 'roc_auk'", "did you mean 'roc_auc'"},
               [] { higher_is_better("roc_auk"); });
  expect_error(ErrorCode::kSpec, {"binary_classification", "no metric 'rmse'"},
               [] { compute_metric("rmse", binary({0.5}, {1})); });
}

TEST(LabelledPredictions, LeavesOutRowsWithoutALabel) {
  LabelEncoding encoding;
  encoding.type = TaskType::kMultilabel;
  encoding.classes = {"a", "b"};
  LabelTable labels;
  labels.rows = 3;
  labels.labelled = true;
  labels.has_label = {1, 0, 1};
  labels.label_offsets = {0, 2, 2, 3};
  labels.label_ids = {0, 1, 1};
  const Predictions p = labelled_predictions(encoding, labels, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(p.rows, 2);
  EXPECT_EQ(p.score, (std::vector<double>{1, 2, 5, 6}));
  EXPECT_EQ(p.label_offsets, (std::vector<int32_t>{0, 2, 3}));
  EXPECT_EQ(p.label_ids, (std::vector<int32_t>{0, 1, 1}));
}

}  // namespace
}  // namespace rle
