#include "model/table_values.h"

#include <algorithm>

#include "base/error.h"

namespace rle {
namespace {

constexpr const char* kConstantColumn = "__constant__";

ColumnKind kind_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kInteger:
    case Dtype::kFloat:
      return ColumnKind::kNumeric;
    case Dtype::kCategory:
      return ColumnKind::kCategory;
    case Dtype::kMultiCategorical:
      return ColumnKind::kMultiCategory;
    case Dtype::kDatetime:
      return ColumnKind::kDatetime;
    case Dtype::kEmbedding:
    case Dtype::kText:
      return ColumnKind::kEmbedding;
  }
  return ColumnKind::kNumeric;
}

ColumnValues column_values(ColumnKind kind, const ColumnRows& rows) {
  ColumnValues out;
  switch (kind) {
    case ColumnKind::kNumeric:
      out.value = rows.numeric.value.data();
      out.present = rows.numeric.present.data();
      break;
    case ColumnKind::kEmbedding:
      out.value = rows.embedding.value.data();
      out.present = rows.embedding.present.data();
      break;
    case ColumnKind::kCategory:
      out.index = rows.category.index.data();
      out.distinct = static_cast<int64_t>(rows.category.distinct.size());
      out.vocabulary_row = rows.category.distinct.data();
      break;
    case ColumnKind::kMultiCategory:
      out.offsets = rows.multi_category.offsets.data();
      out.index = rows.multi_category.index.data();
      out.distinct = static_cast<int64_t>(rows.multi_category.distinct.size());
      out.vocabulary_row = rows.multi_category.distinct.data();
      break;
    case ColumnKind::kDatetime:
      out.index = rows.datetime.index.data();
      out.distinct = static_cast<int64_t>(rows.datetime.parts.size()) / 7;
      out.calendar = rows.datetime.parts.data();
      break;
  }
  return out;
}

}  // namespace

std::vector<ColumnShape> column_shapes(const TableStatistics& statistics) {
  std::vector<ColumnShape> shapes;
  for (const ColumnStatistics& column : statistics.columns)
    shapes.push_back({column.column, kind_of(column.dtype), static_cast<int64_t>(column.vocabulary.size()),
                      column.dimension});
  if (shapes.empty()) shapes.push_back({kConstantColumn, ColumnKind::kNumeric, 0, 0});
  return shapes;
}

TableValues table_values(const TableStatistics& statistics, const FeatureRows& rows,
                         const std::vector<NodeId>& row_ids, Arena& arena) {
  const int64_t count = static_cast<int64_t>(row_ids.size());
  RLE_CHECK(rows.columns.size() == statistics.columns.size());
  TableValues values;
  values.rows = count;
  values.row_ids = row_ids.data();
  for (size_t c = 0; c < rows.columns.size(); ++c)
    values.columns.push_back(column_values(kind_of(statistics.columns[c].dtype), rows.columns[c]));
  if (values.columns.empty()) {
    // The value 1.0 with mean 1: standardised it is 0, so that the column's vector is its bias.
    ColumnValues constant;
    float* present = arena.allocate<float>(count);
    std::fill(present, present + count, 1.0f);
    constant.value = arena.allocate_zero<float>(count);
    constant.present = present;
    values.columns.push_back(constant);
  }
  return values;
}

}  // namespace rle
