// A prediction task: what is predicted for which entities at which times, its label tables (splits) and the
// encoding of its labels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/report.h"
#include "graph/graph.h"
#include "table/column.h"

namespace rle {

enum class TaskType {
  kBinary,
  kMulticlass,
  kMultilabel,
  kRegression,
  kLinkPrediction,
  kRepeatedLinkPrediction
};

// "binary_classification", "multiclass_classification", "multilabel_classification", "regression",
// "link_prediction", "repeated_link_prediction".
std::string_view to_string(TaskType type);
std::optional<TaskType> task_type_from_string(std::string_view name);
// Predicts which rows of a target table an entity links to: link_prediction, repeated_link_prediction.
constexpr bool is_link(TaskType type) {
  return type == TaskType::kLinkPrediction || type == TaskType::kRepeatedLinkPrediction;
}

enum class Split { kTrain, kValidation, kTest };
std::string_view to_string(Split split);  // "train", "validation", "test"

inline constexpr int64_t kMaxEvalK = 1000;

struct TaskSpec {
  std::string name;
  TaskType type = TaskType::kBinary;
  std::string entity_table;
  std::string entity_column;  // in the label tables; holds keys of the entity table
  std::string entity_key;     // the key column of the entity table that it matches; empty: of the same name
  std::string target_column;
  std::optional<std::string> time_column;  // in the label tables
  bool current_time = true;                // rows at the seed time itself are visible
  std::optional<int64_t> horizon_us;       // a label at time t is known from t + horizon on (baselines only)
  std::optional<std::string> metric;       // absent: the type's default
  // Link tasks. The target column holds keys of the target table: a list a row, or one a row, where rows of
  // equal entity and time are one seed.
  std::string target_table;
  std::string target_key;  // the key column of the target table that the target column matches
  int64_t eval_k = 12;     // predicted links a seed, and the k of link metrics; at most kMaxEvalK
  std::optional<std::string> train, validation, test;  // sources
};

// What the labels of a task look like; fitted on the training split, stored in the checkpoint.
struct LabelEncoding {
  TaskType type = TaskType::kBinary;
  // Classification: class values in sort order (numbers by value, text by bytes, false before true), as text
  // ("false" and "true" for booleans, "2" for 2.0); binary: exactly two, the second is the positive class.
  std::vector<std::string> classes;
  std::string arrow_format;  // of the label column (list element for multilabel), for writing predicted
                             // labels in kind
  // Regression: percentiles of training labels, for clamping.
  double percentile_2 = 0, percentile_98 = 0, minimum = 0, maximum = 0;

  // Width of the model's output: 1 (binary, regression) or the number of classes.
  int64_t outputs() const;
};

// One split's rows joined to the graph, in canonical order (time, entity node, label).
struct LabelTable {
  Split split = Split::kTrain;
  int64_t rows = 0;
  std::vector<NodeId> entity;          // (rows)
  std::vector<int64_t> time_us;        // (rows), or empty
  std::vector<float> value;            // (rows) regression, binary (0 or 1); NaN where the row has no label
  std::vector<int32_t> class_id;       // (rows) multiclass; -1 = a class that training never saw, or no label
  std::vector<int32_t> label_offsets;  // (rows + 1) multilabel
  std::vector<int32_t>
      label_ids;  // (labels) ascending within a row; elements that training never saw are left out
  std::vector<uint8_t>
      has_label;  // (rows) 0 = no label or an unseen class: out of losses and metrics; empty if not labelled
  // Link tasks: the targets of each row that exist and are visible at its time, distinct, ascending.
  std::vector<int64_t> target_offsets;  // (rows + 1)
  std::vector<NodeId> targets;          // (targets)
  // Link tasks, (rows): distinct keys in the row's list, of unknown and of later targets too. Metrics divide
  // by it.
  std::vector<int32_t> target_total;
  std::vector<int64_t> source_row;  // (rows) position in the source table; of several rows the first
  bool labelled = false;            // the target column is there
};

// Fits the encoding on the training table and reports classes (binary: the positive one) or the range.
// Error{kSpec}: no target column, a type that is no label of this task type, a link task.
// Error{kData}: no rows, missing labels (first row, count), one class only, more than two classes in a binary
// task, targets that are infinite or too large.
LabelEncoding fit_labels(const TaskSpec& task, const Table& train, Report& report);

// Joins a split's table (rows in source order, as read) to the graph and encodes its labels.
// Error{kSpec}: a column is absent, the time column is not a time, training or validation without the target
// column. Error{kData}: training or validation without rows; null key or time (row); unknown entities,
// entities later than their seed time or without a time (count, first value and row); a missing label in
// training; an infinite target. Validation and test may lack labels, or have classes that training never saw:
// counted and reported, has_label = 0.
LabelTable make_label_table(const TaskSpec& task, const LabelEncoding& encoding, const Graph& graph,
                            Split split, const Table& table, Report& report);

// Warns, with what it means, where a later split starts before an earlier one ends (order: train, validation,
// test), or, given the horizon, before the windows of its labels have closed. Splits with equal times only
// (no order in time) are fine.
void check_split_times(const std::vector<const LabelTable*>& splits, Report& report,
                       std::optional<int64_t> horizon_us = std::nullopt);

}  // namespace rle
