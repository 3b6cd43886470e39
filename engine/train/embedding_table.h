// Output tables of embeddings: key, time column where the task has one, `embedding` (list of 32-bit floats,
// one a channel).
#pragma once

#include <cstdint>
#include <vector>

#include "table/column.h"
#include "task/task.h"

namespace rle {

// Of a label table's entities: one row per row of `labels` (made from `source`, a label table as read), in
// the order of the source; key and time under the names and with the types that they have there. vectors:
// (labels.rows, channels).
Table entity_embedding_table(const TaskSpec& task, const Table& source, const LabelTable& labels,
                             const std::vector<float>& vectors);

// Of nodes of a table, each at a time. keys: of the table's nodes. times: the time column of the label table
// that the times are of, for its name and type; nullptr: the task has none. vectors: (nodes, channels).
Table node_embedding_table(const Column& keys, const Column* times, const std::vector<NodeId>& nodes,
                           const std::vector<int64_t>& time_us, const std::vector<float>& vectors);

}  // namespace rle
