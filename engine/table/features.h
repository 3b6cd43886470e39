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

namespace rle {

// Which rows statistics may look at: rows of tables without a time column, and rows with time <= until_us
// (absent: every row with a time). A null time is never visible.
struct Visibility {
  std::optional<int64_t> until_us;
};

// One byte a row, 1 = visible.
std::vector<uint8_t> visible_rows(const Table& table, const Visibility& visibility);

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

// What a column's encoding needs, from visible rows only; stored in the checkpoint.
struct ColumnStatistics {
  std::string column;
  Dtype dtype = Dtype::kFloat;
  // integer, float
  double mean = 0, std = 0;
  // category, multi_categorical: values by falling count, ties by value. Numbers (categories of integers,
  // booleans, floats) in their shortest decimal text form.
  std::vector<std::string> vocabulary;
  // datetime
  int min_year = 0;
  int64_t median_us = 0;
  // embedding
  int64_t dimension = 0;
  // Counts for people: visible rows; among them nulls, and values that can't be encoded (NaN, infinite, texts
  // that are no time).
  int64_t visible = 0, nulls = 0, non_finite = 0;
};

// The statistics of one column; Error{kData} names table, column and row (embeddings of unequal length).
ColumnStatistics compute_statistics(const Table& table, const Column& column, Dtype dtype,
                                    const std::vector<uint8_t>& visible);

// One table's feature columns, in the order the model uses: by name.
struct TableStatistics {
  std::string table;
  std::vector<ColumnStatistics> columns;
  std::vector<std::string> left_out_text = {};  // names; for people, not stored
};

// Decides dtypes and computes statistics; reports left-out columns (text is for the caller to tell, once for
// all tables), constant columns and non-finite values.
TableStatistics fit_statistics(const Table& table, const Visibility& visibility, Report& report);

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

  const TableStatistics& statistics() const { return statistics_; }
  int64_t rows() const { return rows_; }

  // The given rows (ids < rows()), reusing the memory of `out`.
  void gather(const std::vector<NodeId>& ids, FeatureRows& out) const;

 private:
  TableStatistics statistics_;
  int64_t rows_ = 0;
  std::vector<EncodedColumn> columns_;  // as statistics_.columns
};

}  // namespace rle
