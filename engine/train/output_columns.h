// What output tables are made of. Internal to train/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "table/column.h"
#include "task/task.h"

namespace rle {

// A column of table.rows rows, to be filled. Where the name is taken (in any case, as databases fold it),
// "gnn_" is put before it.
Column& add_column(Table& table, const std::string& name, PhysicalType type, std::string arrow_format);

// A table with the entity key of `rows` of a label table's source, and their time where the task has one,
// unchanged.
Table keys_of_rows(const TaskSpec& task, const Table& source, const std::vector<int64_t>& rows);

// The rows of a label table in the order of their source.
std::vector<int64_t> rows_in_source_order(const LabelTable& labels);

}  // namespace rle
