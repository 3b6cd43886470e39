// A prediction task: what is predicted for which entities at which times, its label tables (splits) and the encoding of its
// labels. Link tasks have names here and are refused until their part is built.
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
  kBinary, kMulticlass, kMultilabel, kRegression, kLinkPrediction, kRepeatedLinkPrediction
};

// "binary_classification", "multiclass_classification", "multilabel_classification", "regression", "link_prediction",
// "repeated_link_prediction".
std::string_view to_string(TaskType type);
std::optional<TaskType> task_type_from_string(std::string_view name);

enum class Split { kTrain, kValidation, kTest };
std::string_view to_string(Split split);  // "train", "validation", "test"

struct TaskSpec {
  std::string name;
  TaskType type = TaskType::kBinary;
  std::string entity_table;
  std::string entity_column;              // in the label tables; matches the entity table's primary key
  std::string target_column;
  std::optional<std::string> time_column; // in the label tables
  bool current_time = true;               // rows at the seed time itself are visible
  std::optional<int64_t> horizon_us;      // a label at time t is known from t + horizon on (baselines only)
  std::optional<std::string> metric;      // absent: the type's default
  std::optional<std::string> train, validation, test;  // sources
};

// What the labels of a task look like; fitted on the training split, stored in the checkpoint.
struct LabelEncoding {
  TaskType type = TaskType::kBinary;
  // Classification: class values in sort order, as text; binary: exactly two, the second is the positive class.
  std::vector<std::string> classes;
  std::string arrow_format;  // of the label column (list element for multilabel), for writing predicted labels in kind
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
  std::vector<int32_t> label_ids;      // (labels)
  std::vector<int64_t> source_row;     // (rows) position in the source table
  bool labelled = false;               // the target column is there
};

// Fits the encoding on the training table. Error{kData}: missing labels (row named), one class only, more than two classes
// in a binary task, infinite or NaN targets.
LabelEncoding fit_labels(const TaskSpec& task, const Table& train, Report& report);

// Joins a split's table (rows in source order, as read) to the graph and encodes its labels. Unknown entities: Error{kData} with count and the
// first value and row. Entities later than their seed time: Error{kData} with the count. Rows whose label training never
// saw: counted, reported. Null keys or times: Error{kData} naming the row.
LabelTable make_label_table(const TaskSpec& task, const LabelEncoding& encoding, const Graph& graph, Split split,
                            const Table& table, Report& report);

// Warns where splits overlap the wrong way in time (validation earlier than training, ...), with what that means.
void check_split_times(const std::vector<const LabelTable*>& splits, Report& report);

}  // namespace rle
