// From typed columns to what the model's encoders take: dtypes, statistics of visible rows only, encoded
// columns, and the gather of the rows of one batch. Sources of the formulas: docs/model.md, column encoders.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/report.h"
#include "table/column.h"
#include "table/distinct_codes.h"
#include "table/encoded_column.h"
#include "table/statistics.h"

namespace rle {

// Why a column gets no dtype: text is not embedded yet; no visible row has a value; no dtype fits its values.
enum class LeftOut { kNo, kText, kNoValue, kUnfit };

// A feature column's dtype and why: "declared", or the rule of inference that decided.
struct DtypeDecision {
  std::string column;
  std::optional<Dtype> dtype;  // absent: left out
  std::string reason;
  LeftOut left_out = LeftOut::kNo;
};

// Decides the dtypes of a table's feature columns (not keys, unless is_feature), in the order of names. The
// rule stands in docs/dtypes.md. A declared dtype that the column's type can't carry: Error{kSpec} naming
// table, column and what would do. Columns without a visible value, and text columns, get no dtype (left
// out), with the reason. Expects canonical order.
std::vector<DtypeDecision> decide_dtypes(const Table& table, const Visibility& visibility);

// The rows of one batch. Columns that map each row to one of few distinct values: `index` (rows) points into
// the distinct values that occur in this gather, in order of first occurrence; -1 = null or unseen
// (category); datetimes have no -1 (null = median).
struct CategoryRows {
  std::vector<int32_t> index;     // (rows)
  std::vector<int32_t> distinct;  // (distinct) vocabulary position + 1: row of the embedding table; 0 is null
};
struct MultiCategoryRows {
  std::vector<int32_t> offsets;   // (rows + 1)
  std::vector<int32_t> index;     // (elements) into distinct; unseen elements are left out
  std::vector<int32_t> distinct;  // as above
};
struct DatetimeRows {
  std::vector<int32_t> index;  // (rows)
  // (distinct, 7): year - min_year, month - 1, day - 1, weekday (Monday 0), hour, minute, second
  std::vector<float> parts;
};
struct NumericRows {
  std::vector<float> value;    // (rows) (x - mean) / (std + 1e-6); 0 where absent
  std::vector<float> present;  // (rows) 1 or 0
};
struct EmbeddingRows {
  std::vector<float> value;    // (rows, dimension); 0 where absent
  std::vector<float> present;  // (rows)
};

// One member is filled, by the column's dtype (integer and float: numeric).
struct ColumnRows {
  NumericRows numeric;
  CategoryRows category;
  MultiCategoryRows multi_category;
  DatetimeRows datetime;
  EmbeddingRows embedding;
};

struct FeatureRows {
  int64_t rows = 0;
  std::vector<ColumnRows> columns;  // as TableStatistics::columns

  // Memory that gather reuses; no result.
  DistinctCodes distinct_scratch;
  std::vector<int32_t> codes_scratch;
};

// The encoded feature columns of one table: float32, or int32 codes into distinct values. Immutable after
// construction; `gather` is thread-safe for distinct outputs (scratch lies in the output's owner).
class TableFeatures {
 public:
  // Encodes every row (visible or not) of `table` with `statistics`. Infinite and NaN numbers become null.
  // Error{kData}: an embedding whose length differs from the statistics'. Error{kSpec}: a column that can't
  // carry its dtype.
  TableFeatures(const Table& table, TableStatistics statistics);
  TableFeatures() = default;  // of no rows, to be filled from a snapshot

  const TableStatistics& statistics() const { return statistics_; }
  int64_t rows() const { return rows_; }

  // The given rows (ids < rows()), reusing the memory of `out`.
  void gather(const std::vector<NodeId>& ids, FeatureRows& out) const;

  static auto members(auto& self) { return std::tie(self.statistics_, self.rows_, self.columns_); }

 private:
  TableStatistics statistics_;
  int64_t rows_ = 0;
  std::vector<EncodedColumn> columns_;  // as statistics_.columns
};

}  // namespace rle
