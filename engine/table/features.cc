#include "table/features.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/huge_pages.h"
#include "base/prefetch.h"
#include "base/time.h"
#include "table/dtype_rules.h"

namespace rle {
namespace {

constexpr size_t kTimeParts = 7;

void gather_numbers(const EncodedColumn& column, const std::vector<NodeId>& ids, NumericRows& out) {
  out.value.resize(ids.size());
  out.present.resize(ids.size());
  const float* numeric = column.numeric.data();
  for_each_fetched(
      ids.size(), [&](size_t i) { return numeric + ids[i]; },
      [&](size_t i) {
        const float value = numeric[ids[i]];
        const bool present = !std::isnan(value);
        out.value[i] = present ? value : 0.0f;
        out.present[i] = present ? 1.0f : 0.0f;
      });
}

void gather_categories(const EncodedColumn& column, int64_t range, const std::vector<NodeId>& ids,
                       DistinctCodes& scratch, CategoryRows& out) {
  out.index.resize(ids.size());
  out.distinct.clear();
  scratch.begin(static_cast<int64_t>(ids.size()), range);
  const int32_t* codes = column.codes.data();
  for_each_fetched(
      ids.size(), [&](size_t i) { return codes + ids[i]; },
      [&](size_t i) {
        const int32_t code = codes[ids[i]];
        out.index[i] = code == 0 ? -1 : scratch.insert(code, out.distinct);
      });
}

void gather_lists(const EncodedColumn& column, int64_t range, const std::vector<NodeId>& ids,
                  DistinctCodes& scratch, MultiCategoryRows& out) {
  out.offsets.resize(ids.size() + 1);
  out.offsets[0] = 0;
  for (size_t i = 0; i < ids.size(); ++i)
    out.offsets[i + 1] =
        out.offsets[i] + static_cast<int32_t>(column.offsets[ids[i] + size_t{1}] - column.offsets[ids[i]]);
  out.index.resize(static_cast<size_t>(out.offsets.back()));
  out.distinct.clear();
  scratch.begin(out.offsets.back(), range);
  size_t at = 0;
  for (const NodeId id : ids)
    for (int64_t e = column.offsets[id]; e < column.offsets[id + size_t{1}]; ++e)
      out.index[at++] = scratch.insert(column.codes[static_cast<size_t>(e)], out.distinct);
}

void write_time_parts(int64_t time_us, int min_year, float* parts) {
  const CivilTime t = civil_from_micros(time_us);
  const int values[kTimeParts] = {t.year - min_year, t.month - 1, t.day - 1, t.weekday, t.hour,
                                  t.minute,          t.second};
  for (size_t k = 0; k < kTimeParts; ++k) parts[k] = static_cast<float>(values[k]);
}

void gather_times(const EncodedColumn& column, int min_year, const std::vector<NodeId>& ids,
                  FeatureRows& scratch, DatetimeRows& out) {
  std::vector<int32_t>& distinct = scratch.codes_scratch;
  out.index.resize(ids.size());
  distinct.clear();
  scratch.distinct_scratch.begin(static_cast<int64_t>(ids.size()),
                                 static_cast<int64_t>(column.times_us.size()));
  const int32_t* codes = column.codes.data();
  for_each_fetched(
      ids.size(), [&](size_t i) { return codes + ids[i]; },
      [&](size_t i) { out.index[i] = scratch.distinct_scratch.insert(codes[ids[i]], distinct); });
  out.parts.resize(distinct.size() * kTimeParts);
  for (size_t d = 0; d < distinct.size(); ++d)
    write_time_parts(column.times_us[static_cast<size_t>(distinct[d])], min_year,
                     out.parts.data() + d * kTimeParts);
}

void gather_embeddings(const EncodedColumn& column, size_t dimension, const std::vector<NodeId>& ids,
                       EmbeddingRows& out) {
  out.value.resize(ids.size() * dimension);
  out.present.resize(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    out.present[i] = column.present[ids[i]] != 0 ? 1.0f : 0.0f;
    std::copy_n(column.embedding.data() + ids[i] * dimension, dimension, out.value.data() + i * dimension);
  }
}

}  // namespace

TableFeatures::TableFeatures(const Table& table, TableStatistics statistics)
    : statistics_(std::move(statistics)), rows_(table.rows) {
  columns_.reserve(statistics_.columns.size());
  for (const ColumnStatistics& s : statistics_.columns) {
    const Column& column = table.at(s.column);
    check_can_carry(table, column, s.dtype);
    columns_.push_back(encode_column(table, column, s));
    std::apply([](const auto&... arrays) { (use_huge_pages(arrays), ...); },
               EncodedColumn::members(columns_.back()));
  }
}

void TableFeatures::gather(const std::vector<NodeId>& ids, FeatureRows& out) const {
  out.rows = static_cast<int64_t>(ids.size());
  out.columns.resize(columns_.size());
  for (size_t c = 0; c < columns_.size(); ++c) {
    const ColumnStatistics& s = statistics_.columns[c];
    ColumnRows& rows = out.columns[c];
    const auto codes = static_cast<int64_t>(s.vocabulary.size()) + 1;
    switch (s.dtype) {
      case Dtype::kInteger:
      case Dtype::kFloat:
        gather_numbers(columns_[c], ids, rows.numeric);
        break;
      case Dtype::kCategory:
        gather_categories(columns_[c], codes, ids, out.distinct_scratch, rows.category);
        break;
      case Dtype::kMultiCategorical:
        gather_lists(columns_[c], codes, ids, out.distinct_scratch, rows.multi_category);
        break;
      case Dtype::kDatetime:
        gather_times(columns_[c], s.min_year, ids, out, rows.datetime);
        break;
      case Dtype::kEmbedding:
        gather_embeddings(columns_[c], static_cast<size_t>(s.dimension), ids, rows.embedding);
        break;
      case Dtype::kText:
        RLE_CHECK(!"text columns have no encoding");
    }
  }
}

}  // namespace rle
