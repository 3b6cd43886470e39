#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "task/class_values.h"
#include "task/label_rows.h"
#include "task/link_labels.h"

namespace rle {
namespace {

constexpr int64_t kClassesInMessage = 12;

bool is_label_type(TaskType task, PhysicalType type) {
  switch (task) {
    case TaskType::kBinary:
    case TaskType::kMulticlass:
      return type == PhysicalType::kInt64 || type == PhysicalType::kFloat64 || type == PhysicalType::kString;
    case TaskType::kMultilabel:
      return type == PhysicalType::kIntList || type == PhysicalType::kStringList;
    case TaskType::kRegression:
      return type == PhysicalType::kInt64 || type == PhysicalType::kFloat64;
    case TaskType::kLinkPrediction:
    case TaskType::kRepeatedLinkPrediction:
      return type == PhysicalType::kInt64 || type == PhysicalType::kString ||
             type == PhysicalType::kIntList || type == PhysicalType::kStringList;
  }
  return false;
}

std::string_view label_types(TaskType task) {
  switch (task) {
    case TaskType::kMultilabel:
      return "a list of integers or of strings";
    case TaskType::kRegression:
      return "a number";
    case TaskType::kLinkPrediction:
    case TaskType::kRepeatedLinkPrediction:
      return "keys of its target_entity: integers or strings, one a row or lists of them";
    default:
      return "an integer, a boolean, a float or a string";
  }
}

std::string class_list(const std::vector<ClassCount>& classes) {
  std::vector<std::string> parts;
  for (const ClassCount& entry : classes) {
    if (static_cast<int64_t>(parts.size()) == kClassesInMessage) {
      parts.push_back(fmt::format("... ({} in all)", classes.size()));
      break;
    }
    parts.push_back(fmt::format("'{}' ({})", entry.text, entry.rows));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

// The format of a list's elements; a scalar's own.
std::string element_format(const Column& target) {
  if (!is_list(target.type)) return target.arrow_format;
  return target.type == PhysicalType::kStringList ? "u" : "l";
}

bool has_empty_list(const Column& target) {
  return std::adjacent_find(target.offsets.begin(), target.offsets.end()) != target.offsets.end();
}

void check_class_count(const TaskSpec& task, const Table& train, const std::vector<ClassCount>& classes) {
  if (classes.empty())
    fail(ErrorCode::kData,
         "target column '{}' of table '{}' (train): every list is empty, there is no class to learn",
         task.target_column, train.schema.name);
  const Column& target = train.at(task.target_column);
  if (classes.size() == 1 && (task.type != TaskType::kMultilabel || !has_empty_list(target)))
    fail(ErrorCode::kData,
         "target column '{}' of table '{}' (train) has one class only: '{}' in all {} rows; a classifier "
         "needs at least two: add rows of another class, or take another target",
         task.target_column, train.schema.name, classes[0].text, train.rows);
  if (classes.size() > 2 && task.type == TaskType::kBinary)
    fail(ErrorCode::kData,
         "target column '{}' of table '{}' (train) has {} classes, a binary task has two: {}; use task type "
         "multiclass_classification{}",
         task.target_column, train.schema.name, classes.size(), class_list(classes),
         target.type == PhysicalType::kString ? "" : ", or regression");
}

void report_classes(const TaskSpec& task, const Table& train, const std::vector<ClassCount>& classes,
                    Report& report) {
  if (task.type == TaskType::kBinary) {
    report.info("target '{}': positive class '{}' in {} of {} training rows ({:.1f} %), negative class '{}'",
                task.target_column, classes[1].text, classes[1].rows, train.rows,
                100.0 * static_cast<double>(classes[1].rows) / static_cast<double>(train.rows),
                classes[0].text);
    return;
  }
  report.info("target '{}': {} classes in {} training rows: {}", task.target_column, classes.size(),
              train.rows, class_list(classes));
  if (task.type == TaskType::kMulticlass && classes.size() == 2)
    report.info("target '{}' has two classes: task type binary_classification would report ROC AUC and more",
                task.target_column);
}

void fit_classes(const TaskSpec& task, const Table& train, const Column& target, LabelEncoding& encoding,
                 Report& report) {
  const std::vector<ClassCount> classes = count_classes(target);
  check_class_count(task, train, classes);
  report_classes(task, train, classes, report);
  encoding.classes.reserve(classes.size());
  for (const ClassCount& entry : classes) encoding.classes.push_back(entry.text);
}

void fit_range(const TaskSpec& task, const Table& train, const Column& target, LabelEncoding& encoding,
               Report& report) {
  require_finite_targets(task, train, target, Split::kTrain);
  std::vector<double> values(static_cast<size_t>(train.rows));
  for (int64_t row = 0; row < train.rows; ++row) values[static_cast<size_t>(row)] = number_at(target, row);
  std::sort(values.begin(), values.end());
  encoding.minimum = values.front();
  encoding.maximum = values.back();
  encoding.percentile_2 = percentile(values, 2);
  encoding.percentile_98 = percentile(values, 98);
  report.info("target '{}': {} training rows from {} to {}, 2nd and 98th percentile {} and {}",
              task.target_column, train.rows, encoding.minimum, encoding.maximum, encoding.percentile_2,
              encoding.percentile_98);
  if (encoding.minimum == encoding.maximum)
    report.warning("target '{}' is {} in all {} training rows: there is nothing to learn", task.target_column,
                   encoding.minimum, train.rows);
}

void report_links(const TaskSpec& task, const Table& train, const Column& target, Report& report) {
  const Column keys = key_values(target);
  std::vector<int64_t> distinct(static_cast<size_t>(keys.rows));
  for (int64_t key = 0; key < keys.rows; ++key) distinct[static_cast<size_t>(key)] = key_at(keys, key);
  std::sort(distinct.begin(), distinct.end());
  const auto count = std::unique(distinct.begin(), distinct.end()) - distinct.begin();
  report.info("target '{}': {} keys of '{}' ({} distinct) in {} training rows{}", task.target_column,
              keys.rows, task.target_table, count, train.rows, is_list(target.type) ? "" : ", one a row");
}

}  // namespace

double percentile(const std::vector<double>& sorted, double q) {
  RLE_CHECK(!sorted.empty());
  const double position = static_cast<double>(sorted.size() - 1) * (q / 100.0);
  const auto below = static_cast<size_t>(position);
  const double a = sorted[below], b = sorted[std::min(below + 1, sorted.size() - 1)];
  const double t = position - static_cast<double>(below);
  return t >= 0.5 ? b - (b - a) * (1.0 - t) : a + (b - a) * t;
}

const Column& target_column(const TaskSpec& task, const Table& table) {
  const Column* target = table.find(task.target_column);
  if (target == nullptr)
    fail(ErrorCode::kSpec, "table '{}' has no target column '{}'{}", table.schema.name, task.target_column,
         suggestion(task.target_column, table.column_names()));
  if (!is_label_type(task.type, target->type))
    fail(ErrorCode::kSpec, "target column '{}' of table '{}' is of type {}; a {} task needs {}",
         task.target_column, table.schema.name, to_string(target->type), to_string(task.type),
         label_types(task.type));
  return *target;
}

bool is_missing_label(const Column& target, int64_t row) {
  if (target.is_null(row)) return true;
  return target.type == PhysicalType::kFloat64 && std::isnan(target.floats[static_cast<size_t>(row)]);
}

std::string row_name(const Table& table, int64_t row) {
  return fmt::format("row {} of the source (counted from 1)", table.source_row(row) + 1);
}

void require_labels(const TaskSpec& task, const Table& table, const Column& target, Split split) {
  int64_t missing = 0, first = -1;
  for (int64_t row = 0; row < table.rows; ++row) {
    if (!is_missing_label(target, row)) continue;
    if (missing++ == 0) first = row;
  }
  if (missing > 0)
    fail(ErrorCode::kData,
         "target column '{}' of table '{}' ({}): {} of {} rows have no label (null or NaN), first {}; leave "
         "these rows out{}",
         task.target_column, table.schema.name, to_string(split), missing, table.rows, row_name(table, first),
         is_link(task.type) && is_list(target.type) ? " (an empty list says that a row links to nothing)"
                                                    : "");
}

void require_finite_targets(const TaskSpec& task, const Table& table, const Column& target, Split split) {
  int64_t bad = 0, first = -1;
  for (int64_t row = 0; row < table.rows; ++row) {
    if (is_missing_label(target, row)) continue;
    const double magnitude = std::abs(number_at(target, row));
    if (magnitude <= static_cast<double>(std::numeric_limits<float>::max())) continue;
    if (bad++ == 0) first = row;
  }
  if (bad > 0)
    fail(ErrorCode::kData,
         "target column '{}' of table '{}' ({}): {} values are infinite or beyond 3.4e38, first {} in {}; "
         "leave these rows "
         "out or scale the target",
         task.target_column, table.schema.name, to_string(split), bad, number_at(target, first),
         row_name(table, first));
}

LabelEncoding fit_labels(const TaskSpec& task, const Table& train, Report& report) {
  const Column& target = target_column(task, train);
  if (train.rows == 0)
    fail(
        ErrorCode::kData,
        "empty split: table '{}' (train) has no rows; there is nothing to learn from: put labelled rows into "
        "its source, or name another one",
        train.schema.name);
  require_labels(task, train, target, Split::kTrain);
  LabelEncoding encoding;
  encoding.type = task.type;
  encoding.arrow_format = element_format(target);
  if (task.type == TaskType::kRegression)
    fit_range(task, train, target, encoding, report);
  else if (is_link(task.type))
    report_links(task, train, target, report);
  else
    fit_classes(task, train, target, encoding, report);
  return encoding;
}

}  // namespace rle
