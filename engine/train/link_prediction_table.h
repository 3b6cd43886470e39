// The output table of link predictions beside its label table.
#pragma once

#include "table/column.h"
#include "task/ranked_targets.h"
#include "task/task.h"

namespace rle {

// One row per row of `labels` (which is made from `source`, a label table as read), in the order of the
// source: entity key, time column and label column, all unchanged, then
//   predicted_<target key> (list, best first), predicted_scores (list);
//   flatten: a row for each of them instead, predicted_<target key>, rank (from 1), score.
// Where the source has one target a row, a row of ours stands for all of its entity and time, at the place of
// the first; the label column is then left out. target_keys: the key of each node of the target table. Where
// one of our names is taken (in any case), "gnn_" is put before it.
Table link_prediction_table(const TaskSpec& task, const Table& source, const LabelTable& labels,
                            const RankedTargets& ranked, const Column& target_keys, bool flatten);

}  // namespace rle
