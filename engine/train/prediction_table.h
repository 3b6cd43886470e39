// Tables around prediction: the output table beside its label table, and the label table of a prediction that
// has none.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/report.h"
#include "table/column.h"
#include "task/task.h"

namespace rle {

// One row per row of `source` (the label table as read), in its order: the entity key, time and label columns
// that it has, unchanged, then ours. score: (labels.rows, outputs), of labels made from `source`.
//   binary       predicted_label (type of the label), predicted_prob (of the positive class)
//   multiclass   predicted_label, predicted_probs (list in class order); flatten: one prob_<class> each
//   multilabel   predicted_labels (list: probability >= 0.5), predicted_probs; flatten likewise
//   regression   predicted_value
// Where one of our names is taken (in any case), "gnn_" is put before it.
Table prediction_table(const TaskSpec& task, const LabelEncoding& encoding, const Table& source,
                       const LabelTable& labels, const std::vector<double>& score, bool flatten);

// A label table without labels: every entity that is visible at `at_us`, in canonical order of the entity
// table. Entities that are later, or have no time, are left out and counted. Error{kSpec}: a task with time
// needs at_us.
Table entities_at(const Table& entities, const TaskSpec& task, std::optional<int64_t> at_us, Report& report);

// A label table without labels from a list of keys: a column named like the task's entity column, or the only
// one. Its own time column is kept where it has one and at_us is absent. Error{kSpec}: no such column; a task
// with time and no time.
Table keys_at(const Table& keys, const TaskSpec& task, std::optional<int64_t> at_us);

}  // namespace rle
