#include "task/task.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/time.h"

namespace rle {
namespace {

constexpr std::array<std::pair<TaskType, std::string_view>, 6> kTaskTypes{{
    {TaskType::kBinary, "binary_classification"},
    {TaskType::kMulticlass, "multiclass_classification"},
    {TaskType::kMultilabel, "multilabel_classification"},
    {TaskType::kRegression, "regression"},
    {TaskType::kLinkPrediction, "link_prediction"},
    {TaskType::kRepeatedLinkPrediction, "repeated_link_prediction"},
}};

constexpr std::string_view overlap_meaning(Split earlier, Split later) {
  if (earlier == Split::kTrain)
    return later == Split::kTest ? "the model is trained on labels of the time it is tested on, so the test "
                                   "metrics are too good"
                                 : "the best epoch is chosen on times that the model was trained on, so the "
                                   "validation metrics are too good";
  return "the best epoch is chosen on labels of the time it is tested on, so the test metrics are too good";
}

void check_pair(const LabelTable& earlier, const LabelTable& later, Report& report,
                std::optional<int64_t> horizon_us) {
  const int64_t last = *std::max_element(earlier.time_us.begin(), earlier.time_us.end());
  const int64_t first = *std::min_element(later.time_us.begin(), later.time_us.end());
  if (first < last) {
    const int64_t before = std::count_if(later.time_us.begin(), later.time_us.end(),
                                         [last](int64_t time) { return time < last; });
    report.warning("the {} split starts at {}, before the {} split ends at {} ({} of {} rows): {}",
                   to_string(later.split), format_time(first), to_string(earlier.split), format_time(last),
                   before, later.rows, overlap_meaning(earlier.split, later.split));
    return;
  }
  if (!horizon_us || last > std::numeric_limits<int64_t>::max() - *horizon_us || first == last) return;
  if (first < last + *horizon_us)
    report.warning(
        "the {} split starts at {}, but the windows of the last {} labels (time {}) close at {} only: they "
        "describe a time "
        "that was still to come; leave that much room between the splits",
        to_string(later.split), format_time(first), to_string(earlier.split), format_time(last),
        format_time(last + *horizon_us));
}

}  // namespace

std::string_view to_string(TaskType type) {
  for (const auto& [value, name] : kTaskTypes)
    if (value == type) return name;
  return "unknown";
}

std::optional<TaskType> task_type_from_string(std::string_view name) {
  for (const auto& [value, known] : kTaskTypes)
    if (known == name) return value;
  return std::nullopt;
}

std::string_view to_string(Split split) {
  switch (split) {
    case Split::kTrain:
      return "train";
    case Split::kValidation:
      return "validation";
    case Split::kTest:
      return "test";
  }
  return "unknown";
}

int64_t LabelEncoding::outputs() const {
  const bool per_class = type == TaskType::kMulticlass || type == TaskType::kMultilabel;
  return per_class ? static_cast<int64_t>(classes.size()) : 1;
}

void check_split_times(const std::vector<const LabelTable*>& splits, Report& report,
                       std::optional<int64_t> horizon_us) {
  std::vector<const LabelTable*> timed;
  for (const LabelTable* split : splits)
    if (split != nullptr && !split->time_us.empty()) timed.push_back(split);
  std::stable_sort(timed.begin(), timed.end(),
                   [](const LabelTable* a, const LabelTable* b) { return a->split < b->split; });
  for (size_t i = 0; i < timed.size(); ++i)
    for (size_t j = i + 1; j < timed.size(); ++j) check_pair(*timed[i], *timed[j], report, horizon_us);
}

}  // namespace rle
