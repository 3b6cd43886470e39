#include "nn/input_fold.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "kernel/small_product.h"
#include "kernel/time_encoding.h"

namespace rle {
namespace {

constexpr double kColumnInitStd = 0.01;

const Init kColumnWeight{Init::Kind::kNormal, kColumnInitStd};
const Init kZero{Init::Kind::kZero, 0.0};

// y (n, ...) = x; contiguous matrices of one shape.
void copy_matrix(ConstMatrix x, Matrix y) { std::copy(x.data, x.data + x.size(), y.data); }

}  // namespace

InputFold::InputFold(ParameterStore& parameters, const std::string& prefix, std::vector<ColumnShape> columns,
                     int64_t channels)
    : columns_(std::move(columns)), channels_(channels) {
  for (const ColumnShape& column : columns_) {
    const std::string name = prefix + ".columns." + column.name;
    ColumnParameters own;
    switch (column.kind) {
      case ColumnKind::kNumeric:
        own.weight = parameters.add(name + ".weight", {channels}, kColumnWeight);
        own.bias = parameters.add(name + ".bias", {channels}, kZero);
        own.dense_offset = std::exchange(dense_width_, dense_width_ + 2);
        break;
      case ColumnKind::kEmbedding:
        own.weight = parameters.add(name + ".weight", {column.dimension, channels}, kColumnWeight);
        own.bias = parameters.add(name + ".bias", {channels}, kZero);
        own.dense_offset = std::exchange(dense_width_, dense_width_ + column.dimension + 1);
        break;
      case ColumnKind::kDatetime:
        own.weight = parameters.add(name + ".weight", {kCalendarFeatures, channels}, kColumnWeight);
        own.bias = parameters.add(name + ".bias", {channels}, kZero);
        break;
      case ColumnKind::kCategory:
      case ColumnKind::kMultiCategory:
        own.embedding = parameters.add(name + ".embedding", {column.vocabulary + 1, channels},
                                       {Init::Kind::kEmbedding, 1.0});
        break;
    }
    parameters_.push_back(own);
  }
}

ConstMatrix InputFold::side_slice(const Step& step, const FoldSide& side, size_t column) const {
  return step.weight(side.weight, channels_, channels_ * columns())
      .columns(static_cast<int64_t>(column) * channels_, static_cast<int64_t>(column + 1) * channels_);
}

Matrix InputFold::side_gradient_slice(Step& step, const FoldSide& side, size_t column) const {
  return step.weight_gradient(side.weight, channels_, channels_ * columns())
      .columns(static_cast<int64_t>(column) * channels_, static_cast<int64_t>(column + 1) * channels_);
}

// ---- forward

void InputFold::fold_dense_column(Step& step, size_t column, const FoldSide& side, Matrix dense) const {
  const ColumnParameters& own = parameters_[column];
  const int64_t rows = columns_[column].kind == ColumnKind::kNumeric ? 1 : columns_[column].dimension;
  const ConstMatrix weight = step.weight(own.weight, rows, channels_);
  const ConstMatrix bias = step.weight(own.bias, 1, channels_);
  const Matrix block = dense.slice(own.dense_offset, own.dense_offset + rows + 1);
  if (side.identity) {
    copy_matrix(weight, block.slice(0, rows));
    copy_matrix(bias, block.slice(rows, rows + 1));
    return;
  }
  const ConstMatrix slice = side_slice(step, side, column);
  if (rows == 1) {
    multiply_vector(slice, weight.data, block.row(0));
  } else {
    gemm(weight, pack_transposed(slice, step.arena), block.slice(0, rows), GemmMode::kOverwrite);
  }
  multiply_vector(slice, bias.data, block.row(rows));
}

void InputFold::encode_distinct(Step& step, const TableValues& table, size_t column,
                                Context::Distinct& out) const {
  const ColumnValues& values = table.columns[column];
  const ColumnParameters& own = parameters_[column];
  out.value = new_matrix(step.arena, values.distinct, channels_);
  if (columns_[column].kind == ColumnKind::kDatetime) {
    out.calendar = new_matrix(step.arena, values.distinct, kCalendarFeatures);
    encode_calendar(values.calendar, values.distinct, out.calendar);
    const float* bias = step.value(own.bias);
    for (int64_t i = 0; i < values.distinct; ++i) std::copy(bias, bias + channels_, out.value.row(i));
    parallel_gemm(step, out.calendar, pack(step.weight(own.weight, kCalendarFeatures, channels_), step.arena),
                  out.value, GemmMode::kAccumulate);
    return;
  }
  gather_rows(values.vocabulary_row, step.weight(own.embedding, columns_[column].vocabulary + 1, channels_),
              0, values.distinct, SegmentMode::kOverwrite, out.value);
  if (columns_[column].kind != ColumnKind::kMultiCategory) return;
  float* scale = step.arena.allocate<float>(table.rows);
  for (int64_t i = 0; i < table.rows; ++i) {
    const int32_t length = values.offsets[i + 1] - values.offsets[i];
    scale[i] = length == 0 ? 0.0f : 1.0f / static_cast<float>(length);
  }
  out.list_scale = scale;
}

InputFold::Context InputFold::prepare(Step& step, const TableValues& table,
                                      const std::vector<FoldSide>& sides) const {
  RLE_CHECK(table.columns.size() == columns_.size());
  Context context;
  context.distinct.resize(columns_.size());
  for (size_t c = 0; c < columns_.size(); ++c)
    if (!is_dense(c)) encode_distinct(step, table, c, context.distinct[c]);
  for (const FoldSide& side : sides) {
    const Matrix dense = new_matrix(step.arena, dense_width_, channels_);
    for (size_t c = 0; c < columns_.size(); ++c) {
      Context::Distinct& distinct = context.distinct[c];
      if (is_dense(c)) {
        fold_dense_column(step, c, side, dense);
      } else if (side.identity) {
        distinct.product.push_back(distinct.value);
      } else {
        distinct.product.push_back(new_matrix(step.arena, distinct.value.rows, channels_));
        parallel_gemm(step, distinct.value, pack_transposed(side_slice(step, side, c), step.arena),
                      distinct.product.back(), GemmMode::kOverwrite);
      }
    }
    context.dense.push_back(dense);
    context.packed.push_back(pack(dense, step.arena));
  }
  return context;
}

void InputFold::fill_dense(const TableValues& table, int64_t begin, int64_t end, Matrix features) const {
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (!is_dense(c)) continue;
    const ColumnValues& values = table.columns[c];
    const int64_t width = columns_[c].kind == ColumnKind::kNumeric ? 1 : columns_[c].dimension;
    for (int64_t i = begin; i < end; ++i) {
      float* out = features.row(i - begin) + parameters_[c].dense_offset;
      std::copy(values.value + i * width, values.value + (i + 1) * width, out);
      out[width] = values.present[i];
    }
  }
}

void InputFold::forward_tile(const Step& step, const TableValues& table, const Context& context,
                             const FoldSide& side, size_t side_index, int64_t begin, int64_t end,
                             float* scratch, Matrix out) const {
  const int64_t rows = end - begin;
  for (int64_t i = 0; i < rows; ++i) {
    if (side.identity)
      std::fill(out.row(i), out.row(i) + channels_, 0.0f);
    else
      std::copy(step.value(side.bias), step.value(side.bias) + channels_, out.row(i));
  }
  if (dense_width_ > 0) {
    const Matrix features(scratch, rows, dense_width_);
    fill_dense(table, begin, end, features);
    gemm(features, context.packed[side_index], out, GemmMode::kAccumulate);
  }
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (is_dense(c)) continue;
    const ColumnValues& values = table.columns[c];
    const ConstMatrix product = context.distinct[c].product[side_index];
    if (columns_[c].kind == ColumnKind::kMultiCategory)
      segment_sum({values.offsets + begin, values.index}, context.distinct[c].list_scale + begin, product, 0,
                  rows, SegmentMode::kAccumulate, out);
    else
      gather_rows(values.index + begin, product, 0, rows, SegmentMode::kAccumulate, out);
  }
}

// ---- backward

void InputFold::unfold_dense_column(Step& step, size_t column, const FoldSide& side,
                                    ConstMatrix ddense) const {
  const ColumnParameters& own = parameters_[column];
  const int64_t rows = columns_[column].kind == ColumnKind::kNumeric ? 1 : columns_[column].dimension;
  const ConstMatrix block = ddense.slice(own.dense_offset, own.dense_offset + rows + 1);
  const Matrix dweight = step.weight_gradient(own.weight, rows, channels_);
  float* dbias = step.gradient(own.bias);
  if (side.identity) {
    for (int64_t i = 0; i < rows * channels_; ++i) dweight.data[i] += block.data[i];
    for (int64_t j = 0; j < channels_; ++j) dbias[j] += block.row(rows)[j];
    return;
  }
  const ConstMatrix slice = side_slice(step, side, column);
  const Matrix dslice = side_gradient_slice(step, side, column);
  if (rows == 1) {
    add_transposed_product(slice, block.row(0), dweight.data);
    add_outer_product(block.row(0), step.value(own.weight), dslice);
  } else {
    gemm(block.slice(0, rows), pack(slice, step.arena), dweight, GemmMode::kAccumulate);
    gemm_at_b(block.slice(0, rows), step.weight(own.weight, rows, channels_), dslice);
  }
  add_transposed_product(slice, block.row(rows), dbias);
  add_outer_product(block.row(rows), step.value(own.bias), dslice);
}

void InputFold::add_dense_gradient(Step& step, const TableValues& table, const FoldSide& side,
                                   ConstMatrix dside) const {
  const Matrix ddense = new_zero_matrix(step.arena, dense_width_, channels_);
  const Slots slots(table.rows);
  float* features = step.arena.allocate<float>(slots.count * kTileRows * dense_width_);
  reduce_slots(step, table.rows, ddense.size(), ddense.data, [&](int64_t begin, int64_t end, float* sum) {
    float* scratch = features + begin / slots.rows_per_slot * kTileRows * dense_width_;
    for_tiles(begin, end, [&](int64_t first, int64_t last) {
      const Matrix tile(scratch, last - first, dense_width_);
      fill_dense(table, first, last, tile);
      gemm_at_b(tile, dside.slice(first, last), Matrix(sum, dense_width_, channels_));
    });
  });
  for (size_t c = 0; c < columns_.size(); ++c)
    if (is_dense(c)) unfold_dense_column(step, c, side, ddense);
}

Matrix InputFold::distinct_gradient(Step& step, const TableValues& table, const Context& context,
                                    size_t column, ConstMatrix dside) const {
  const ColumnValues& values = table.columns[column];
  const Matrix out = new_zero_matrix(step.arena, values.distinct, channels_);
  const bool lists = columns_[column].kind == ColumnKind::kMultiCategory;
  const Csr rows_of = lists
                          ? transpose({values.offsets, values.index}, table.rows, values.distinct, step.arena)
                          : transpose_gather(values.index, table.rows, values.distinct, step.arena);
  step.pool.for_chunks(values.distinct, kTileRows / 4, [&](int64_t begin, int64_t end) {
    if (lists)
      segment_sum_backward(rows_of, table.rows, context.distinct[column].list_scale, dside, begin, end, out);
    else
      segment_sum(rows_of, nullptr, dside, begin, end, SegmentMode::kOverwrite, out);
  });
  return out;
}

void InputFold::backward_distinct(Step& step, const TableValues& table, const Context& context, size_t column,
                                  const std::vector<FoldSide>& sides,
                                  const std::vector<ConstMatrix>& dsides) const {
  const Context::Distinct& distinct = context.distinct[column];
  const ColumnParameters& own = parameters_[column];
  const Matrix dvalue = new_zero_matrix(step.arena, distinct.value.rows, channels_);
  for (size_t s = 0; s < sides.size(); ++s) {
    const Matrix dproduct = distinct_gradient(step, table, context, column, dsides[s]);
    if (sides[s].identity) {
      for (int64_t i = 0; i < dvalue.size(); ++i) dvalue.data[i] += dproduct.data[i];
      continue;
    }
    parallel_gemm(step, dproduct, pack(side_slice(step, sides[s], column), step.arena), dvalue,
                  GemmMode::kAccumulate);
    add_linear_gradient(step, dproduct, distinct.value, side_gradient_slice(step, sides[s], column), nullptr);
  }
  if (columns_[column].kind == ColumnKind::kDatetime) {
    const Matrix dweight = step.weight_gradient(own.weight, kCalendarFeatures, channels_);
    add_linear_gradient(step, distinct.calendar, dvalue, dweight, nullptr);
    add_column_sums(dvalue, step.gradient(own.bias));
    return;
  }
  const Matrix dembedding = step.weight_gradient(own.embedding, columns_[column].vocabulary + 1, channels_);
  for (int64_t i = 0; i < dvalue.rows; ++i) {
    float* row = dembedding.row(table.columns[column].vocabulary_row[i]);
    for (int64_t j = 0; j < channels_; ++j) row[j] += dvalue.row(i)[j];
  }
}

void InputFold::backward(Step& step, const TableValues& table, const Context& context,
                         const std::vector<FoldSide>& sides, const std::vector<ConstMatrix>& dsides) const {
  if (table.rows == 0) return;
  for (size_t s = 0; s < sides.size(); ++s) {
    if (dense_width_ > 0) add_dense_gradient(step, table, sides[s], dsides[s]);
    if (!sides[s].identity) {
      float* dbias = step.gradient(sides[s].bias);
      reduce_slots(step, table.rows, channels_, dbias, [&](int64_t begin, int64_t end, float* sum) {
        add_column_sums(dsides[s].slice(begin, end), sum);
      });
    }
  }
  for (size_t c = 0; c < columns_.size(); ++c)
    if (!is_dense(c)) backward_distinct(step, table, context, c, sides, dsides);
}

}  // namespace rle
