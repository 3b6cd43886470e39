// A feature column as it is kept for gathering: float32, or int32 codes into distinct values.
#pragma once

#include <cstdint>
#include <vector>

#include "table/column.h"

namespace rle {

struct ColumnStatistics;

struct EncodedColumn {
  std::vector<float> numeric;  // (rows) integer, float: NaN = null
  std::vector<int32_t>
      codes;  // category: (rows) vocabulary position + 1, 0 = null or unseen; multi_categorical: (elements)
              // the same without zeros; datetime: (rows) index into times_us
  std::vector<int64_t> offsets;   // (rows + 1) multi_categorical
  std::vector<int64_t> times_us;  // datetime: distinct values in ascending order, the median among them
  std::vector<float> embedding;   // (rows, dimension), 0 where absent
  std::vector<uint8_t> present;   // (rows) embedding
};

// Every row of `column` in the encoding of `statistics`. Error{kData}: an embedding of another length (table,
// column, row).
EncodedColumn encode_column(const Table& table, const Column& column, const ColumnStatistics& statistics);

}  // namespace rle
