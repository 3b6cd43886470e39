#include <algorithm>

#include "base/error.h"
#include "base/time.h"
#include "table/column_values.h"
#include "table/dtype_rules.h"
#include "table/features.h"
#include "table/moments.h"
#include "table/vocabulary.h"

namespace rle {
namespace {

constexpr int64_t kPartRows = 65'536;

// What every dtype's pass needs.
struct Input {
  const Table& table;
  const Column& column;
  const std::vector<uint8_t>& visible;
  bool sees(int64_t row) const { return visible[static_cast<size_t>(row)] != 0; }
};

void numeric_statistics(const Input& in, ColumnStatistics& out) {
  Moments total;
  for (int64_t begin = 0; begin < in.column.rows; begin += kPartRows) {
    Moments part;
    const int64_t end = std::min(in.column.rows, begin + kPartRows);
    for (int64_t row = begin; row < end; ++row) {
      if (!in.sees(row) || in.column.is_null(row)) continue;
      const double x = number_at(in.column, row);
      if (std::isfinite(x))
        part.add(x);
      else
        ++out.non_finite;
    }
    total.merge(part);
  }
  out.mean = total.exact_mean();
  out.std = total.standard_deviation();
  if (!std::isfinite(out.mean) || !std::isfinite(out.std))
    fail(ErrorCode::kData,
         "table '{}', column '{}': its visible values, from {} to {}, are too far apart to be normalised; "
         "scale the column "
         "in the source, or exclude it",
         in.table.schema.name, in.column.name, number_text(total.min), number_text(total.max));
}

void datetime_statistics(const Input& in, ColumnStatistics& out) {
  const TimeValues times(in.column);
  std::vector<int64_t> values;
  for (int64_t row = 0; row < in.column.rows; ++row) {
    if (!in.sees(row) || in.column.is_null(row)) continue;
    if (const auto time = times.at(row))
      values.push_back(*time);
    else
      ++out.non_finite;
  }
  if (values.empty()) {
    out.min_year = civil_from_micros(0).year;
    return;
  }
  out.min_year = civil_from_micros(*std::min_element(values.begin(), values.end())).year;
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  out.median_us = *middle;
}

void embedding_statistics(const Input& in, ColumnStatistics& out) {
  int64_t first_row = -1;
  for (int64_t row = 0; row < in.column.rows; ++row) {
    if (!in.sees(row) || in.column.is_null(row)) continue;
    const int64_t length = elements_at(in.column, row).size();
    if (length == 0) continue;
    if (!has_finite_value(in.column, row)) ++out.non_finite;
    if (first_row < 0) {
      first_row = row;
      out.dimension = length;
    }
    if (length != out.dimension)
      fail(ErrorCode::kData,
           "table '{}', column '{}': the lists of an embedding must have one length, but row {} has {} "
           "elements and row {} "
           "has {}; make them equal, or exclude the column",
           in.table.schema.name, in.column.name, in.table.source_row(first_row) + 1, out.dimension,
           in.table.source_row(row) + 1, length);
  }
}

void count_non_finite(const Input& in, ColumnStatistics& out) {
  if (in.column.type != PhysicalType::kFloat64) return;
  for (int64_t row = 0; row < in.column.rows; ++row)
    out.non_finite += in.sees(row) && !in.column.is_null(row) && !has_finite_value(in.column, row) ? 1 : 0;
}

void report_statistics(const Table& table, const ColumnStatistics& s, Report& report) {
  if ((s.dtype == Dtype::kInteger || s.dtype == Dtype::kFloat) && s.std == 0)
    report.info("table '{}', column '{}': every visible value is {}; it is encoded as 0", table.schema.name,
                s.column, number_text(s.mean));
  if (s.non_finite == 0) return;
  const char* what = s.dtype == Dtype::kDatetime ? "no times" : "NaN or infinite";
  report.warning("table '{}', column '{}': {} of {} visible values are {}; they are taken as null",
                 table.schema.name, s.column, s.non_finite, s.visible - s.nulls, what);
}

// Reports what is left out, but for text: a line each, or one where no row is visible.
void report_left_out(const Table& table, const std::vector<DtypeDecision>& decisions, int64_t visible,
                     Report& report) {
  int64_t without_value = 0;
  for (const DtypeDecision& d : decisions) without_value += d.left_out == LeftOut::kNoValue ? 1 : 0;
  if (visible == 0 && without_value > 0)
    report.warning(
        "table '{}': none of its {} rows is visible in training; its {} feature columns are left out",
        table.schema.name, table.rows, without_value);
  for (const DtypeDecision& d : decisions) {
    if (d.left_out == LeftOut::kUnfit || (d.left_out == LeftOut::kNoValue && visible > 0))
      report.warning("table '{}', column '{}' is left out: {} ({} visible rows)", table.schema.name, d.column,
                     d.reason, visible);
  }
}

}  // namespace

ColumnStatistics compute_statistics(const Table& table, const Column& column, Dtype dtype,
                                    const std::vector<uint8_t>& visible) {
  RLE_CHECK(dtype != Dtype::kText && static_cast<int64_t>(visible.size()) == column.rows);
  check_can_carry(table, column, dtype);
  const Input in{table, column, visible};
  ColumnStatistics out;
  out.column = column.name;
  out.dtype = dtype;
  for (int64_t row = 0; row < column.rows; ++row) {
    if (!in.sees(row)) continue;
    ++out.visible;
    out.nulls += column.is_null(row) ? 1 : 0;
  }
  switch (dtype) {
    case Dtype::kInteger:
    case Dtype::kFloat:
      numeric_statistics(in, out);
      break;
    case Dtype::kDatetime:
      datetime_statistics(in, out);
      break;
    case Dtype::kEmbedding:
      embedding_statistics(in, out);
      break;
    default:
      out.vocabulary = count_vocabulary(column, visible);
      count_non_finite(in, out);
  }
  return out;
}

TableStatistics fit_statistics(const Table& table, const Visibility& visibility, Report& report) {
  const std::vector<uint8_t> visible = visible_rows(table, visibility);
  const std::vector<DtypeDecision> decisions = decide_dtypes(table, visibility);
  report_left_out(table, decisions, std::count(visible.begin(), visible.end(), uint8_t{1}), report);
  TableStatistics out;
  out.table = table.schema.name;
  for (const DtypeDecision& decision : decisions) {
    if (decision.left_out == LeftOut::kText) out.left_out_text.push_back(decision.column);
    if (!decision.dtype) continue;
    out.columns.push_back(compute_statistics(table, table.at(decision.column), *decision.dtype, visible));
    report_statistics(table, out.columns.back(), report);
  }
  return out;
}

}  // namespace rle
