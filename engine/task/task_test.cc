#include "task/task.h"

#include "task/task_testing.h"

namespace rle {
namespace {

using namespace testing_task;

LabelTable times(Split split, const std::vector<int64_t>& at_days) {
  LabelTable labels;
  labels.split = split;
  labels.rows = static_cast<int64_t>(at_days.size());
  for (int64_t day : at_days) labels.time_us.push_back(day * kMicrosPerDay);
  return labels;
}

TEST(TaskType, NamesAreReadBack) {
  for (TaskType type : {TaskType::kBinary, TaskType::kMulticlass, TaskType::kMultilabel,
                        TaskType::kRegression, TaskType::kLinkPrediction, TaskType::kRepeatedLinkPrediction})
    EXPECT_EQ(task_type_from_string(to_string(type)), type);
  EXPECT_EQ(to_string(TaskType::kMultilabel), "multilabel_classification");
  EXPECT_EQ(task_type_from_string("binary"), std::nullopt);
}

TEST(SplitTimes, OrderedSplitsSayNothing) {
  const LabelTable train = times(Split::kTrain, {1, 5}), validation = times(Split::kValidation, {8, 9}),
                   test = times(Split::kTest, {12});
  ReportLines report;
  check_split_times({&test, &train, nullptr, &validation}, report, 3 * kMicrosPerDay);
  EXPECT_TRUE(report.lines().empty());
}

TEST(SplitTimes, EarlierValidationIsAWarningThatSaysWhatItMeans) {
  const LabelTable train = times(Split::kTrain, {1, 5}), validation = times(Split::kValidation, {2, 4, 8}),
                   test = times(Split::kTest, {12});
  ReportLines report;
  check_split_times({&train, &validation, &test}, report);
  ASSERT_EQ(report.lines().size(), 1u);
  EXPECT_TRUE(has_line(
      report, Severity::kWarning,
      "the validation split starts at 1970-01-03, before the train split ends at 1970-01-06 (2 of 3 rows)"));
  EXPECT_TRUE(has_line(report, Severity::kWarning, "the validation metrics are too good"));
}

TEST(SplitTimes, OpenWindowsAreAWarning) {
  const LabelTable train = times(Split::kTrain, {1, 5}), test = times(Split::kTest, {7});
  ReportLines report;
  check_split_times({&train, &test}, report, 3 * kMicrosPerDay);
  ASSERT_EQ(report.lines().size(), 1u);
  EXPECT_TRUE(has_line(report, Severity::kWarning, "close at 1970-01-09 only"));
}

TEST(SplitTimes, SplitsByEntityAtOneTimeAreFine) {
  const LabelTable train = times(Split::kTrain, {5, 5}), test = times(Split::kTest, {5}), timeless;
  ReportLines report;
  check_split_times({&train, &test, &timeless}, report, kMicrosPerDay);
  EXPECT_TRUE(report.lines().empty());
}

}  // namespace
}  // namespace rle
