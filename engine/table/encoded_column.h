// A feature column as it is kept for gathering: float32, or int32 codes into distinct values.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "table/column.h"

namespace rle {

struct ColumnStatistics;

struct EncodedColumn {
  Array<float> numeric;  // (rows) integer, float: NaN = null
  // category: (rows) vocabulary position + 1, 0 = null or unseen; multi_categorical: (elements) the same
  // without zeros; datetime: (rows) index into times_us.
  Array<int32_t> codes;
  Array<int64_t> offsets;   // (rows + 1) multi_categorical
  Array<int64_t> times_us;  // datetime: distinct values in ascending order, the median among them
  Array<float> embedding;   // (rows, dimension), 0 where absent
  Array<uint8_t> present;   // (rows) embedding

  static auto members(auto& self) {
    return std::tie(self.numeric, self.codes, self.offsets, self.times_us, self.embedding, self.present);
  }
};

// Every row of `column` in the encoding of `statistics`. Error{kData}: an embedding of another length (table,
// column, row).
EncodedColumn encode_column(const Table& table, const Column& column, const ColumnStatistics& statistics);

}  // namespace rle
