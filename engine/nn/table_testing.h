// For tests: a table of every kind of column with random values, nulls and empty lists, and its unfolded
// encoding.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernel/time_encoding.h"
#include "nn/columns.h"
#include "nn/parameter_store.h"
#include "nn/step_testing.h"

namespace rle {

// Owns what `values` views.
class TestTable {
 public:
  TestTable(std::vector<ColumnShape> columns, int64_t rows, uint64_t seed = 5) : shapes_(std::move(columns)) {
    RngStream stream{RngKey(seed)};
    values_.rows = rows;
    for (int64_t i = 0; i < rows; ++i) row_ids_.push_back(static_cast<uint32_t>(1000 + 7 * i));
    values_.row_ids = row_ids_.data();
    for (const ColumnShape& shape : shapes_) {
      data_.push_back(std::make_unique<Column>());
      values_.columns.push_back(fill(shape, rows, stream, *data_.back()));
    }
  }

  static std::vector<ColumnShape> all_kinds() {
    return {{"points", ColumnKind::kNumeric, 0, 0},     {"team", ColumnKind::kCategory, 9, 0},
            {"tags", ColumnKind::kMultiCategory, 6, 0}, {"born", ColumnKind::kDatetime, 0, 0},
            {"text", ColumnKind::kEmbedding, 0, 3},     {"rating", ColumnKind::kNumeric, 0, 0},
            {"single", ColumnKind::kEmbedding, 0, 1}};
  }

  const std::vector<ColumnShape>& shapes() const { return shapes_; }
  const TableValues& values() const { return values_; }

  // The vector of a column in a row, from its parameters "<prefix>.columns.<name>.*".
  std::vector<double> column_vector(const ParameterStore& parameters, const std::string& prefix,
                                    size_t column, int64_t row, int64_t channels) const {
    const std::string name = prefix + ".columns." + shapes_[column].name;
    const ColumnValues& values = values_.columns[column];
    std::vector<double> out(static_cast<size_t>(channels), 0.0);
    const auto add_row = [&](const std::string& parameter, int64_t parameter_row, double factor) {
      const ParameterStore::Entry* entry = parameters.find(name + parameter);
      for (size_t j = 0; j < out.size(); ++j)
        out[j] +=
            factor *
            double{parameters.values()[static_cast<size_t>(entry->offset + parameter_row * channels) + j]};
    };
    switch (shapes_[column].kind) {
      case ColumnKind::kNumeric:
      case ColumnKind::kEmbedding: {
        const int64_t width = shapes_[column].kind == ColumnKind::kNumeric ? 1 : shapes_[column].dimension;
        if (values.present[row] == 0.0f) break;
        for (int64_t k = 0; k < width; ++k) add_row(".weight", k, double{values.value[row * width + k]});
        add_row(".bias", 0, 1.0);
        break;
      }
      case ColumnKind::kCategory:
        if (values.index[row] >= 0) add_row(".embedding", values.vocabulary_row[values.index[row]], 1.0);
        break;
      case ColumnKind::kMultiCategory: {
        const int32_t begin = values.offsets[row], end = values.offsets[row + 1];
        for (int32_t e = begin; e < end; ++e)
          add_row(".embedding", values.vocabulary_row[values.index[e]], 1.0 / (end - begin));
        break;
      }
      case ColumnKind::kDatetime: {
        if (values.index[row] < 0) break;
        float features[kCalendarFeatures];
        encode_calendar(values.calendar + values.index[row] * kCalendarParts, 1,
                        Matrix(features, 1, kCalendarFeatures));
        for (int64_t k = 0; k < kCalendarFeatures; ++k) add_row(".weight", k, double{features[k]});
        add_row(".bias", 0, 1.0);
        break;
      }
    }
    return out;
  }

 private:
  struct Column {
    std::vector<float> value, present, calendar;
    std::vector<int32_t> index, offsets, vocabulary_row;
  };

  static ColumnValues fill(const ColumnShape& shape, int64_t rows, RngStream& stream, Column& column) {
    ColumnValues values;
    values.distinct = 4;
    const auto maybe_null = [&](int64_t row) { return row == 1 || stream.below(5) == 0; };
    const auto distinct_value = [&] { return static_cast<int32_t>(stream.below(4)); };
    switch (shape.kind) {
      case ColumnKind::kNumeric:
      case ColumnKind::kEmbedding:
        for (int64_t i = 0; i < rows; ++i) {
          column.present.push_back(maybe_null(i) ? 0.0f : 1.0f);
          for (int64_t k = 0; k < (shape.kind == ColumnKind::kNumeric ? 1 : shape.dimension); ++k)
            column.value.push_back(column.present.back() * static_cast<float>(stream.normal()));
        }
        break;
      case ColumnKind::kCategory:
      case ColumnKind::kDatetime:
        for (int64_t i = 0; i < rows; ++i) column.index.push_back(maybe_null(i) ? -1 : distinct_value());
        break;
      case ColumnKind::kMultiCategory:
        column.offsets.push_back(0);
        for (int64_t i = 0; i < rows; ++i) {
          for (uint64_t k = maybe_null(i) ? 0 : stream.below(4); k > 0; --k)
            column.index.push_back(distinct_value());
          column.offsets.push_back(static_cast<int32_t>(column.index.size()));
        }
        break;
    }
    column.vocabulary_row = {3, 1, 6, 2};
    for (int64_t i = 0; i < 4; ++i)
      for (uint64_t extent : {40, 12, 31, 7, 24, 60, 60})
        column.calendar.push_back(static_cast<float>(stream.below(extent)));
    values.value = column.value.data();
    values.present = column.present.data();
    values.index = column.index.data();
    values.offsets = column.offsets.data();
    values.vocabulary_row = column.vocabulary_row.data();
    values.calendar = column.calendar.data();
    return values;
  }

  std::vector<ColumnShape> shapes_;
  std::vector<uint32_t> row_ids_;
  std::vector<std::unique_ptr<Column>> data_;
  TableValues values_;
};

}  // namespace rle
