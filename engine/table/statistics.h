// What the encoding of columns needs to know of their values, from visible rows only. Sources of the
// formulas: docs/model.md, column encoders.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/report.h"
#include "table/column.h"

namespace rle {

// Which rows statistics may look at: rows of tables without a time column, and rows with time <= until_us
// (absent: every row with a time). A null time is never visible.
struct Visibility {
  std::optional<int64_t> until_us;

  static auto members(auto& self) { return std::tie(self.until_us); }
};

// One byte a row, 1 = visible.
std::vector<uint8_t> visible_rows(const Table& table, const Visibility& visibility);

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

  static auto members(auto& self) {
    return std::tie(self.column, self.dtype, self.mean, self.std, self.vocabulary, self.min_year,
                    self.median_us, self.dimension, self.visible, self.nulls, self.non_finite);
  }
};

// The statistics of one column; Error{kData} names table, column and row (embeddings of unequal length).
ColumnStatistics compute_statistics(const Table& table, const Column& column, Dtype dtype,
                                    const std::vector<uint8_t>& visible);

// One table's feature columns, in the order the model uses: by name.
struct TableStatistics {
  std::string table;
  std::vector<ColumnStatistics> columns;
  std::vector<std::string> left_out_text = {};  // names; for people, not stored in a checkpoint

  static auto members(auto& self) { return std::tie(self.table, self.columns, self.left_out_text); }
};

// Decides dtypes and computes statistics; reports left-out columns (text is for the caller to tell, once for
// all tables), constant columns and non-finite values.
TableStatistics fit_statistics(const Table& table, const Visibility& visibility, Report& report);

}  // namespace rle
