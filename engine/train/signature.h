// What a model remembers of the tables it was trained on: keys, times and the columns it uses, without
// sources. Data that a model is applied to is compared with it before anything is computed.
#pragma once

#include <string>
#include <vector>

#include "table/column.h"
#include "table/features.h"

namespace rle {

struct ColumnSignature {
  std::string name;
  PhysicalType type =
      PhysicalType::kInt64;  // not the width in the source: int32 and int64 give the same model
};

// `schema` has no source; its columns are the feature columns with their dtypes, all_columns is off: with a
// source filled in, it reads exactly what the model uses. `columns` adds keys and time, by name.
struct TableSignature {
  TableSchema schema;
  std::vector<ColumnSignature> columns;
};

// statistics: of the table's features; nullptr for tables of type edge.
TableSignature table_signature(const Table& table, const TableStatistics* statistics);

// One line a difference: a missing or an additional table, a missing column, another type, other keys or
// another time column. Tables may come in any order and may have further columns. Numbers may change between
// integer and float, times between timestamp and text, where they are features.
std::vector<std::string> schema_differences(const std::vector<TableSignature>& trained,
                                            const std::vector<Table>& tables);

// Error{kSpec} that lists every difference. Looks at schemas and columns only: tables may have no rows yet.
void compare_schema(const std::vector<TableSignature>& trained, const std::vector<Table>& tables);

}  // namespace rle
