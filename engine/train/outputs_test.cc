#include "train/outputs.h"

#include <gtest/gtest.h>

#include <cmath>

#include "train/test_data.h"

namespace rle {
namespace {
using test_data::contains;

struct Case {
  LabelEncoding encoding;
  LabelTable train;
  ReportLines report;

  explicit Case(std::vector<float> values) {
    encoding.type = TaskType::kRegression;
    encoding.percentile_2 = -4;
    encoding.percentile_98 = 220;
    train.rows = static_cast<int64_t>(values.size());
    train.value = std::move(values);
  }
};

TEST(Bounds, DefaultsApplyQuietlyWhereLabelsLieInside) {
  Case c({0, 50, 100});
  const OutputBounds bounds = decide_bounds(Clamp{}, c.encoding, c.train, c.report);
  EXPECT_EQ(bounds.minimum, 0);
  EXPECT_EQ(bounds.maximum, 100);
  EXPECT_TRUE(c.report.lines().empty());
}

TEST(Bounds, DefaultsAreLeftOffWithAWarningWhereALabelLiesOutside) {
  Case c({-1, 50, 101});
  const OutputBounds bounds = decide_bounds(Clamp{}, c.encoding, c.train, c.report);
  EXPECT_FALSE(bounds.minimum || bounds.maximum);
  ASSERT_EQ(c.report.lines().size(), 1u);
  EXPECT_EQ(c.report.lines()[0].severity, Severity::kWarning);
  EXPECT_TRUE(contains(c.report.lines()[0].text, "2 of 3 training labels"));
  EXPECT_TRUE(contains(c.report.lines()[0].text, "not clamped"));
}

TEST(Bounds, SetByTheUserAreAppliedWithACount) {
  Case c({-1, 50, 101});
  const Clamp clamp{.minimum = 0, .maximum = std::nullopt, .user_set = true};
  const OutputBounds bounds = decide_bounds(clamp, c.encoding, c.train, c.report);
  EXPECT_EQ(bounds.minimum, 0);
  EXPECT_FALSE(bounds.maximum);
  ASSERT_EQ(c.report.lines().size(), 1u);
  EXPECT_TRUE(contains(c.report.lines()[0].text, "1 of 3 training labels"));
  EXPECT_TRUE(contains(c.report.lines()[0].text, "[0, -]"));
}

TEST(Bounds, PercentilesAndOtherTasks) {
  Case c({-100, 50, 1000});
  const OutputBounds bounds = decide_bounds(Clamp{.use_percentiles = true}, c.encoding, c.train, c.report);
  EXPECT_EQ(bounds.minimum, -4);
  EXPECT_EQ(bounds.maximum, 220);
  c.encoding.type = TaskType::kBinary;
  EXPECT_FALSE(decide_bounds(Clamp{}, c.encoding, c.train, c.report).maximum);
  EXPECT_TRUE(c.report.lines().empty());
}

TEST(Scores, Literal) {
  const auto binary = scores_from_outputs(TaskType::kBinary, 1, {0, 800, -800, 1}, {});
  EXPECT_EQ(binary[0], 0.5);
  EXPECT_EQ(binary[1], 1.0);
  EXPECT_EQ(binary[2], 0.0);
  EXPECT_NEAR(binary[3], 1 / (1 + std::exp(-1.0)), 1e-15);
  const auto multiclass = scores_from_outputs(TaskType::kMulticlass, 2, {1, 1, 1000, 998}, {});
  EXPECT_EQ(multiclass[0], 0.5);
  EXPECT_NEAR(multiclass[2], 1 / (1 + std::exp(-2.0)), 1e-15);
  EXPECT_NEAR(multiclass[2] + multiclass[3], 1, 1e-15);
  const auto multilabel = scores_from_outputs(TaskType::kMultilabel, 2, {0, 1000}, {});
  EXPECT_EQ(multilabel, (std::vector<double>{0.5, 1.0}));
  const auto values = scores_from_outputs(TaskType::kRegression, 1, {-5, 5, 50}, {0.0, 20.0});
  EXPECT_EQ(values, (std::vector<double>{0, 5, 20}));
}

TEST(Loss, FollowsFromTheTaskAndTheReadout) {
  EXPECT_EQ(loss_kind(TaskType::kMulticlass, {}), LossKind::kCrossEntropy);
  EXPECT_EQ(loss_kind(TaskType::kRepeatedLinkPrediction, {}), LossKind::kBinaryCrossEntropy);
  ModelConfig config;
  EXPECT_EQ(loss_kind(TaskType::kLinkPrediction, config), LossKind::kBpr);
  config.link_fusion = true;
  EXPECT_EQ(loss_kind(TaskType::kLinkPrediction, config), LossKind::kFusion);
}

}  // namespace
}  // namespace rle
