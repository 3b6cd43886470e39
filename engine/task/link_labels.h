// Labels of link tasks: the keys of a target column, joined to the target table. Internal to task/.
#pragma once

#include "graph/graph.h"
#include "task/label_rows.h"

namespace rle {

// The keys of a target column as values of their own: the column itself, or the items of its lists.
Column key_values(const Column& target);

// Equal where the keys of one column are, whatever their type.
inline int64_t key_at(const Column& keys, int64_t key) {
  return keys.type == PhysicalType::kString ? keys.codes[static_cast<size_t>(key)]
                                            : keys.ints[static_cast<size_t>(key)];
}

// make_label_table of a link task. Lists: a row is a seed. One key a row: the rows of equal entity and time
// are one. Without a target column every row is a seed.
//
// Counted and reported: keys that the target table does not have, or has later than the seed (first value and
// row), keys that occur again in their seed, seeds without a key, seeds whose keys all are of the first two
// kinds, seeds without a label (a null list; only null keys). Error{kData}: a training table without a single
// target.
LabelTable link_label_table(const TaskSpec& task, const EntityJoin& join, const Graph& graph, Split split,
                            const Table& table, Report& report);

}  // namespace rle
