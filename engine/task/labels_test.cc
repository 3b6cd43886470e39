#include <cmath>
#include <limits>

#include "task/label_rows.h"
#include "task/task_testing.h"

namespace rle {
namespace {

using namespace testing_task;
using Strings = std::vector<std::string>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

LabelEncoding fit(TaskType type, Column target, ReportLines& report) {
  return fit_labels(task(type), table("train", {std::move(target)}), report);
}

LabelEncoding fit(TaskType type, Column target) {
  ReportLines report;
  return fit(type, std::move(target), report);
}

TEST(FitLabels, PositiveClassIsTheLaterInSortOrder) {
  EXPECT_EQ(fit(TaskType::kBinary, strings("label", {"yes", "no", "no"})).classes, (Strings{"no", "yes"}));
  EXPECT_EQ(fit(TaskType::kBinary, ints("label", {10, 9, 10})).classes, (Strings{"9", "10"}));
  EXPECT_EQ(fit(TaskType::kBinary, ints("label", {0, -1})).classes, (Strings{"-1", "0"}));
  EXPECT_EQ(fit(TaskType::kBinary, ints("label", {1, 0}, "b")).classes, (Strings{"false", "true"}));
  EXPECT_EQ(fit(TaskType::kBinary, floats("label", {2.0, -0.0, 0.0})).classes, (Strings{"0", "2"}));
}

TEST(FitLabels, ReportsThePositiveClassWithItsShare) {
  ReportLines report;
  const LabelEncoding encoding = fit(TaskType::kBinary, strings("label", {"no", "yes", "no", "no"}), report);
  EXPECT_EQ(encoding.outputs(), 1);
  EXPECT_EQ(encoding.arrow_format, "u");
  EXPECT_TRUE(has_line(report, Severity::kInfo, "positive class 'yes' in 1 of 4 training rows (25.0 %)"));
}

TEST(FitLabels, BinaryNeedsExactlyTwoClasses) {
  expect_error(ErrorCode::kData, {"'label'", "'train'", "one class only: '1' in all 3 rows"}, [] {
    fit(TaskType::kBinary, ints("label", {1, 1, 1}));
  });
  expect_error(ErrorCode::kData, {"3 classes", "'0' (1), '1' (2), '7' (1)", "multiclass_classification"}, [] {
    fit(TaskType::kBinary, ints("label", {7, 1, 0, 1}));
  });
  Strings many;
  for (int i = 0; i < 40; ++i) many.push_back(fmt::format("c{}", i));
  expect_error(ErrorCode::kData, {"40 classes", "(40 in all)"},
               [&] { fit(TaskType::kBinary, strings("label", many)); });
}

TEST(FitLabels, MulticlassSortsNumbersByValue) {
  ReportLines report;
  const LabelEncoding encoding = fit(TaskType::kMulticlass, ints("label", {10, 2, 1, 2}), report);
  EXPECT_EQ(encoding.classes, (Strings{"1", "2", "10"}));
  EXPECT_EQ(encoding.outputs(), 3);
  expect_error(ErrorCode::kData, {"one class only: 'a'"}, [] {
    fit(TaskType::kMulticlass, strings("label", {"a", "a"}));
  });
  fit(TaskType::kMulticlass, strings("label", {"a", "b"}), report);
  EXPECT_TRUE(has_line(report, Severity::kInfo, "has two classes"));
}

TEST(FitLabels, MultilabelCollectsElements) {
  const LabelEncoding encoding = fit(TaskType::kMultilabel, int_lists("label", {{12, 3}, {}, {3}}));
  EXPECT_EQ(encoding.classes, (Strings{"3", "12"}));
  EXPECT_EQ(encoding.arrow_format, "l");
  expect_error(ErrorCode::kData, {"every list is empty"}, [] {
    fit(TaskType::kMultilabel, int_lists("label", {{}, {}}));
  });
  EXPECT_EQ(fit(TaskType::kMultilabel, int_lists("label", {{7}, {}})).classes, (Strings{"7"}));
  expect_error(ErrorCode::kData, {"one class only: '7' in all 3 rows"}, [] {
    fit(TaskType::kMultilabel, int_lists("label", {{7}, {7, 7}, {7}}));
  });
  expect_error(ErrorCode::kSpec, {"is of type integer", "a list of integers"}, [] {
    fit(TaskType::kMultilabel, ints("label", {1, 2}));
  });
}

TEST(FitLabels, MissingLabelsAreNamed) {
  expect_error(ErrorCode::kData, {"'label'", "'train'", "2 of 4 rows have no label", "row 2 of the source"},
               [] {
                 fit(TaskType::kBinary, with_nulls(ints("label", {1, 0, 0, 0}), {1, 3}));
               });
  expect_error(ErrorCode::kData, {"1 of 2 rows have no label", "row 1 of the source"}, [] {
    fit(TaskType::kRegression, floats("label", {kNan, 1.0}));
  });
  expect_error(ErrorCode::kData, {"1 of 2 rows have no label"}, [] {
    fit(TaskType::kMultilabel, with_nulls(int_lists("label", {{1}, {}}), {1}));
  });
}

TEST(FitLabels, MissingRowIsThePositionInTheSource) {
  Table train = table("train", {with_nulls(ints("label", {1, 0, 0}), {1})});
  train.source_rows = {7, 41, 3};
  ReportLines report;
  expect_error(ErrorCode::kData, {"row 42 of the source"},
               [&] { fit_labels(task(TaskType::kBinary), train, report); });
}

TEST(FitLabels, RegressionTargetsMustBeFiniteFloats) {
  expect_error(ErrorCode::kData, {"1 values are infinite", "first inf in row 3"}, [] {
    fit(TaskType::kRegression, floats("label", {1, 2, kInfinity}));
  });
  expect_error(ErrorCode::kData, {"2 values", "first -1e+300 in row 1"}, [] {
    fit(TaskType::kRegression, floats("label", {-1e300, 2, 1e39}));
  });
  expect_error(ErrorCode::kSpec, {"string", "a number"}, [] {
    fit(TaskType::kRegression, strings("label", {"1", "2"}));
  });
}

TEST(FitLabels, PercentilesAreThoseOfNumpy) {
  // numpy.percentile([1, 2, 4, 8, 16], [2, 98]) = [1.08, 15.36]
  const LabelEncoding encoding = fit(TaskType::kRegression, ints("label", {16, 1, 8, 2, 4}));
  EXPECT_DOUBLE_EQ(encoding.percentile_2, 1.08);
  EXPECT_DOUBLE_EQ(encoding.percentile_98, 15.36);
  EXPECT_EQ(encoding.minimum, 1);
  EXPECT_EQ(encoding.maximum, 16);
  EXPECT_EQ(percentile({3}, 98), 3);
  EXPECT_EQ(percentile({1, 2}, 100), 2);
}

TEST(FitLabels, ConstantRegressionTargetIsAWarning) {
  ReportLines report;
  fit(TaskType::kRegression, ints("label", {3, 3}), report);
  EXPECT_TRUE(has_line(report, Severity::kWarning, "'label' is 3 in all 2 training rows"));
}

TEST(FitLabels, SchemaMistakes) {
  ReportLines report;
  expect_error(ErrorCode::kSpec, {"no target column 'label'", "did you mean 'labels'"}, [&] {
    fit_labels(task(TaskType::kBinary), table("train", {ints("labels", {0, 1})}), report);
  });
  expect_error(ErrorCode::kData, {"empty split", "'train'"},
               [] { fit(TaskType::kBinary, ints("label", {})); });
  expect_error(ErrorCode::kSpec, {"timestamp"}, [] { fit(TaskType::kBinary, days("label", {1, 2})); });
}

}  // namespace
}  // namespace rle
