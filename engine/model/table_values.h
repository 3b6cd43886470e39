// Where the data half meets the mathematics: the gathered features of a batch's distinct rows as the table
// encoder takes them.
#pragma once

#include <vector>

#include "nn/columns.h"
#include "table/features.h"
#include "tensor/arena.h"

namespace rle {

// The encoder's columns of a table; one constant column where the table has none (docs/model.md, graph).
std::vector<ColumnShape> column_shapes(const TableStatistics& statistics);

// Views into `rows` (which must outlive them); the constant column lies in the arena. row_ids: the distinct
// rows' node ids.
TableValues table_values(const TableStatistics& statistics, const FeatureRows& rows,
                         const std::vector<NodeId>& row_ids, Arena& arena);

}  // namespace rle
