// A table's feature columns as the encoder sees them: their kinds, and the values of one batch's distinct
// rows (views).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rle {

enum class ColumnKind { kNumeric, kCategory, kMultiCategory, kDatetime, kEmbedding };

struct ColumnShape {
  std::string name;
  ColumnKind kind = ColumnKind::kNumeric;
  int64_t vocabulary = 0;  // category, multi-category: distinct values, without null
  int64_t dimension = 0;   // embedding
};

// Borrowed; which members are set depends on the kind.
struct ColumnValues {
  const float* value = nullptr;  // numeric (rows), standardised; embedding (rows, dimension); 0 where absent
  const float* present = nullptr;  // numeric, embedding: (rows) 1 or 0
  const int32_t* index =
      nullptr;  // category, datetime: (rows), multi-category: (elements); into the distinct values, -1 null
  const int32_t* offsets = nullptr;  // multi-category: (rows + 1)
  int64_t distinct = 0;              // how many distinct values
  const int32_t* vocabulary_row =
      nullptr;                      // category, multi-category: (distinct) rows of the embedding table, > 0
  const float* calendar = nullptr;  // datetime: (distinct, 7)
};

// One batch's distinct rows of a table.
struct TableValues {
  int64_t rows = 0;
  std::vector<ColumnValues> columns;
  const uint32_t* row_ids = nullptr;  // (rows) what dropout masks are keyed by
};

}  // namespace rle
