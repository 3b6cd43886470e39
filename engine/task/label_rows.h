// The steps behind fit_labels and make_label_table that need no graph. Internal to task/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "task/task.h"

namespace rle {

// The target column, checked against the task type. Error{kSpec}: absent, a type that is no label of the
// task.
const Column& target_column(const TaskSpec& task, const Table& table);

// Null; a float that is NaN.
bool is_missing_label(const Column& target, int64_t row);

// "row 3 of the source (counted from 1)".
std::string row_name(const Table& table, int64_t row);

// Error{kData} where a label is missing.
void require_labels(const TaskSpec& task, const Table& table, const Column& target, Split split);

// Error{kData} where a regression target is infinite or beyond the range of 32-bit floats.
void require_finite_targets(const TaskSpec& task, const Table& table, const Column& target, Split split);

// For each row of a label table the node of its entity; with times the node's own time.
struct EntityJoin {
  std::vector<NodeId> node;           // (rows) kNoNode: unknown
  std::vector<int64_t> node_time_us;  // (rows), unused where unknown; or empty: not to be checked
};

// The columns of a label table, checked with its rows and its entities; what make_label_table throws.
struct LabelColumns {
  const Column* times = nullptr;   // nullptr: a task without times
  const Column* target = nullptr;  // nullptr: a test table without labels
};
LabelColumns check_label_columns(const TaskSpec& task, const EntityJoin& join, Split split,
                                 const Table& table, Report& report);

// Table rows in canonical order: (time, entity node, label); times and target may be nullptr.
std::vector<int64_t> canonical_rows(const EntityJoin& join, const Column* times, const Column* target);

// Appends a row of the table without its label.
void append_seed(const EntityJoin& join, const LabelColumns& columns, const Table& table, int64_t row,
                 LabelTable& labels);

// make_label_table after the join, of tasks other than links.
LabelTable encode_label_table(const TaskSpec& task, const LabelEncoding& encoding, const EntityJoin& join,
                              Split split, const Table& table, Report& report);

// The q-th percentile (0..100) of sorted values, interpolated linearly between the two nearest as
// numpy.percentile does.
double percentile(const std::vector<double>& sorted, double q);

}  // namespace rle
