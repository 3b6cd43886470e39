#include "table/encoded_column.h"

#include <algorithm>

#include "base/error.h"
#include "table/column_values.h"
#include "table/features.h"
#include "table/vocabulary.h"

namespace rle {
namespace {

constexpr double kStdEpsilon = 1e-6;

// Normalised in double, then rounded. What float32 can't hold is null, like what is not finite.
void encode_numbers(const Column& column, const ColumnStatistics& statistics, EncodedColumn& out) {
  std::vector<float> numeric(static_cast<size_t>(column.rows));
  const double divisor = statistics.std + kStdEpsilon;
  for (int64_t row = 0; row < column.rows; ++row) {
    const double x = number_at(column, row);
    float value = std::numeric_limits<float>::quiet_NaN();
    if (std::isfinite(x)) {
      const double normalised = statistics.std == 0 ? 0.0 : (x - statistics.mean) / divisor;
      if (std::abs(normalised) <= static_cast<double>(std::numeric_limits<float>::max()))
        value = static_cast<float>(normalised);
    }
    numeric[static_cast<size_t>(row)] = value;
  }
  out.numeric = std::move(numeric);
}

void encode_times(const Column& column, const ColumnStatistics& statistics, EncodedColumn& out) {
  const TimeValues times(column);
  std::vector<int64_t> values(static_cast<size_t>(column.rows));
  for (int64_t row = 0; row < column.rows; ++row)
    values[static_cast<size_t>(row)] = times.at(row).value_or(statistics.median_us);
  std::vector<int64_t> distinct = values;
  distinct.push_back(statistics.median_us);
  if (!std::is_sorted(distinct.begin(), distinct.end())) std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  distinct.shrink_to_fit();
  RLE_CHECK(distinct.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max()));
  std::vector<int32_t> codes(values.size());
  size_t last = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (distinct[last] != values[i])
      last = static_cast<size_t>(std::lower_bound(distinct.begin(), distinct.end(), values[i]) -
                                 distinct.begin());
    codes[i] = static_cast<int32_t>(last);
  }
  out.codes = std::move(codes);
  out.times_us = std::move(distinct);
}

// A list is the set of its elements: codes ascend and are distinct within a row.
void encode_lists(const Column& column, const ColumnStatistics& statistics, EncodedColumn& out) {
  const std::vector<int32_t> codes = vocabulary_codes(column, statistics.vocabulary);
  std::vector<int64_t> ends{0};
  std::vector<int32_t> sets;
  ends.reserve(static_cast<size_t>(column.rows) + 1);
  sets.reserve(codes.size());
  for (int64_t row = 0; row < column.rows; ++row) {
    const ElementRange range = column.is_null(row) ? ElementRange{0, 0} : elements_at(column, row);
    const auto first = static_cast<std::ptrdiff_t>(sets.size());
    for (int64_t e = range.begin; e < range.end; ++e)
      if (codes[static_cast<size_t>(e)] != 0) sets.push_back(codes[static_cast<size_t>(e)]);
    std::sort(sets.begin() + first, sets.end());
    sets.erase(std::unique(sets.begin() + first, sets.end()), sets.end());
    ends.push_back(static_cast<int64_t>(sets.size()));
  }
  out.offsets = std::move(ends);
  out.codes = std::move(sets);
}

void encode_embeddings(const Table& table, const Column& column, const ColumnStatistics& statistics,
                       EncodedColumn& out) {
  const int64_t dimension = statistics.dimension;
  std::vector<uint8_t> is_present(static_cast<size_t>(column.rows));
  std::vector<float> embedding(static_cast<size_t>(column.rows * dimension));
  for (int64_t row = 0; row < column.rows; ++row) {
    if (!has_finite_value(column, row)) continue;
    const ElementRange range = elements_at(column, row);
    if (range.size() != dimension)
      fail(ErrorCode::kData,
           "table '{}', column '{}': row {} holds a list of {} elements, but the embedding's length in "
           "training is {}; "
           "make the lists equal, or exclude the column",
           table.schema.name, column.name, table.source_row(row) + 1, range.size(), dimension);
    is_present[static_cast<size_t>(row)] = 1;
    for (int64_t k = 0; k < dimension; ++k)
      embedding[static_cast<size_t>(row * dimension + k)] = list_number(column, range.begin + k);
  }
  out.present = std::move(is_present);
  out.embedding = std::move(embedding);
}

}  // namespace

EncodedColumn encode_column(const Table& table, const Column& column, const ColumnStatistics& statistics) {
  EncodedColumn out;
  switch (statistics.dtype) {
    case Dtype::kInteger:
    case Dtype::kFloat:
      encode_numbers(column, statistics, out);
      break;
    case Dtype::kCategory:
      out.codes = vocabulary_codes(column, statistics.vocabulary);
      break;
    case Dtype::kMultiCategorical:
      encode_lists(column, statistics, out);
      break;
    case Dtype::kDatetime:
      encode_times(column, statistics, out);
      break;
    case Dtype::kEmbedding:
      encode_embeddings(table, column, statistics, out);
      break;
    case Dtype::kText:
      RLE_CHECK(!"text columns have no encoding");
  }
  return out;
}

}  // namespace rle
