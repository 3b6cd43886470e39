#include "nn/input_fold.h"

#include <algorithm>
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

void add_to(const float* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] += from[i];
}

}  // namespace

InputFold::InputFold(ParameterStore& parameters, const std::string& prefix, std::vector<ColumnShape> columns,
                     int64_t channels)
    : columns_(std::move(columns)), channels_(channels) {
  for (const ColumnShape& column : columns_) {
    const std::string name = prefix + ".columns." + column.name;
    ColumnParameters own;
    switch (column.kind) {
      case ColumnKind::kNumeric:
        own.features = 1;
        own.weight = parameters.add(name + ".weight", {channels}, kColumnWeight);
        own.bias = parameters.add(name + ".bias", {channels}, kZero);
        own.dense_offset = std::exchange(dense_width_, dense_width_ + 2);
        break;
      case ColumnKind::kEmbedding:
        own.features = column.dimension;
        own.weight = parameters.add(name + ".weight", {column.dimension, channels}, kColumnWeight);
        own.bias = parameters.add(name + ".bias", {channels}, kZero);
        own.dense_offset = std::exchange(dense_width_, dense_width_ + column.dimension + 1);
        break;
      case ColumnKind::kDatetime:
        own.features = kCalendarFeatures;
        own.weight = parameters.add(name + ".weight", {kCalendarFeatures, channels}, kColumnWeight);
        own.bias = parameters.add(name + ".bias", {channels}, kZero);
        break;
      case ColumnKind::kCategory:
      case ColumnKind::kMultiCategory:
        own.embedding = parameters.add_rows(name + ".embedding", {column.vocabulary + 1, channels},
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

// folded (features + 1, width) = the column's weight and, as its last row, its bias through every side.
void InputFold::fold_column(Step& step, size_t column, Matrix folded) const {
  const ColumnParameters& own = parameters_[column];
  const ConstMatrix weight = step.weight(own.weight, own.features, channels_);
  const float* bias = step.value(own.bias);
  for (size_t s = 0; s < sides_.size(); ++s) {
    const int64_t first = static_cast<int64_t>(s) * channels_;
    const Matrix side = folded.columns(first, first + channels_);
    if (sides_[s].identity) {
      for (int64_t i = 0; i < own.features; ++i)
        std::copy(weight.row(i), weight.row(i) + channels_, side.row(i));
      std::copy(bias, bias + channels_, side.row(own.features));
      continue;
    }
    const ConstMatrix slice = side_slice(step, sides_[s], column);
    if (own.features == 1) {
      multiply_two_vectors(slice, {weight.data, bias}, {side.row(0), side.row(1)});
    } else {
      gemm(weight, pack_transposed(slice, step.arena), side.slice(0, own.features), GemmMode::kOverwrite);
      multiply_vector(slice, bias, side.row(own.features));
    }
  }
}

void InputFold::encode_calendars(Step& step, const TableValues& table, size_t column,
                                 Context::Distinct& out) const {
  const ColumnValues& values = table.columns[column];
  out.calendar = new_matrix(step.arena, values.distinct, kCalendarFeatures + 1);
  out.product = new_matrix(step.arena, values.distinct, width());
  const Matrix folded = new_matrix(step.arena, kCalendarFeatures + 1, width());
  fold_column(step, column, folded);
  const PackedMatrix packed = pack(folded, step.arena);
  step.pool.for_chunks(values.distinct, kTileRows / 4, [&](int64_t begin, int64_t end) {
    const Matrix features = out.calendar.slice(begin, end);
    encode_calendar(values.calendar + begin * kCalendarParts, end - begin,
                    features.columns(0, kCalendarFeatures));
    for (int64_t i = 0; i < features.rows; ++i) features.row(i)[kCalendarFeatures] = 1.0f;
    gemm(features, packed, out.product.slice(begin, end), GemmMode::kOverwrite);
  });
}

void InputFold::encode_categories(Step& step, const TableValues& table, size_t column,
                                  Context::Distinct& out) const {
  const ColumnValues& values = table.columns[column];
  step.touch(parameters_[column].embedding, {values.vocabulary_row, static_cast<size_t>(values.distinct)});
  out.value = new_matrix(step.arena, values.distinct, channels_);
  gather_rows(values.vocabulary_row,
              step.weight(parameters_[column].embedding, columns_[column].vocabulary + 1, channels_), 0,
              values.distinct, SegmentMode::kOverwrite, out.value);
  out.product = new_matrix(step.arena, values.distinct, width());
  for (size_t s = 0; s < sides_.size(); ++s) {
    const int64_t first = static_cast<int64_t>(s) * channels_;
    const Matrix product = out.product.columns(first, first + channels_);
    if (sides_[s].identity) {
      for (int64_t i = 0; i < product.rows; ++i)
        std::copy(out.value.row(i), out.value.row(i) + channels_, product.row(i));
    } else {
      parallel_gemm(step, out.value, pack_transposed(side_slice(step, sides_[s], column), step.arena),
                    product, GemmMode::kOverwrite);
    }
  }
  if (columns_[column].kind != ColumnKind::kMultiCategory) return;
  float* scale = step.arena.allocate<float>(table.rows);
  for (int64_t i = 0; i < table.rows; ++i) {
    const int32_t length = values.offsets[i + 1] - values.offsets[i];
    scale[i] = length == 0 ? 0.0f : 1.0f / static_cast<float>(length);
  }
  out.list_scale = scale;
}

InputFold::Context InputFold::prepare(Step& step, const TableValues& table) const {
  RLE_CHECK(table.columns.size() == columns_.size());
  Context context;
  context.distinct.resize(columns_.size());
  if (table.rows == 0) return context;
  const Matrix dense = new_matrix(step.arena, dense_width_, width());
  for (size_t s = 0; s < sides_.size(); ++s) {
    float* bias = dense.row(0) + static_cast<int64_t>(s) * channels_;
    if (sides_[s].identity)
      std::fill(bias, bias + channels_, 0.0f);
    else
      std::copy(step.value(sides_[s].bias), step.value(sides_[s].bias) + channels_, bias);
  }
  for (size_t c = 0; c < columns_.size(); ++c) {
    const int64_t offset = parameters_[c].dense_offset;
    if (is_dense(c)) {
      fold_column(step, c, dense.slice(offset, offset + parameters_[c].features + 1));
      continue;
    }
    Context::Distinct& distinct = context.distinct[c];
    if (columns_[c].kind == ColumnKind::kDatetime)
      encode_calendars(step, table, c, distinct);
    else
      encode_categories(step, table, c, distinct);
    const bool lists = columns_[c].kind == ColumnKind::kMultiCategory;
    const ColumnValues& values = table.columns[c];
    context.gathers.push_back(
        {distinct.product.data, lists ? values.offsets : nullptr, values.index, distinct.list_scale});
  }
  context.dense = pack(dense, step.arena);
  return context;
}

void InputFold::fill_dense(const TableValues& table, int64_t begin, int64_t end, Matrix features) const {
  for (int64_t i = 0; i < features.rows; ++i) features.row(i)[0] = 1.0f;
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (!is_dense(c)) continue;
    const ColumnValues& values = table.columns[c];
    const int64_t width = parameters_[c].features;
    for (int64_t i = begin; i < end; ++i) {
      float* out = features.row(i - begin) + parameters_[c].dense_offset;
      if (width == 1)
        out[0] = values.value[i];
      else
        std::copy(values.value + i * width, values.value + (i + 1) * width, out);
      out[width] = values.present[i];
    }
  }
}

void InputFold::forward_tile(const TableValues& table, const Context& context, int64_t begin, int64_t end,
                             float* scratch, Matrix out) const {
  const int64_t rows = end - begin;
  const Matrix features(scratch, rows, dense_width_);
  fill_dense(table, begin, end, features);
  gemm(features, context.dense, out, GemmMode::kOverwrite);
  list_sum(context.gathers, begin, end, SegmentMode::kAccumulate, out);
}

// ---- backward

void InputFold::backward_tile(const TableValues& table, int64_t begin, int64_t end, float* scratch,
                              ConstMatrix dout, Matrix ddense) const {
  const Matrix features(scratch, end - begin, dense_width_);
  fill_dense(table, begin, end, features);
  gemm_at_b(features, dout, ddense);
}

// The way back of fold_column.
void InputFold::unfold_column(Step& step, size_t column, ConstMatrix dfolded) const {
  const ColumnParameters& own = parameters_[column];
  const ConstMatrix weight = step.weight(own.weight, own.features, channels_);
  const Matrix dweight = step.weight_gradient(own.weight, own.features, channels_);
  const float* bias = step.value(own.bias);
  float* dbias = step.gradient(own.bias);
  for (size_t s = 0; s < sides_.size(); ++s) {
    const int64_t first = static_cast<int64_t>(s) * channels_;
    const ConstMatrix side = dfolded.columns(first, first + channels_);
    if (sides_[s].identity) {
      for (int64_t i = 0; i < own.features; ++i) add_to(side.row(i), channels_, dweight.row(i));
      add_to(side.row(own.features), channels_, dbias);
      continue;
    }
    const ConstMatrix slice = side_slice(step, sides_[s], column);
    const Matrix dslice = side_gradient_slice(step, sides_[s], column);
    if (own.features == 1) {
      add_two_transposed_products(slice, {side.row(0), side.row(1)}, {dweight.data, dbias});
      add_two_outer_products({side.row(0), side.row(1)}, {weight.data, bias}, dslice);
    } else {
      const ConstMatrix dfeatures = side.slice(0, own.features);
      gemm(dfeatures, pack(slice, step.arena), dweight, GemmMode::kAccumulate);
      gemm_at_b(dfeatures, weight, dslice);
      add_transposed_product(slice, side.row(own.features), dbias);
      add_outer_product(side.row(own.features), bias, dslice);
    }
  }
}

// Per column that rows look up: d product (distinct, width), the sums of dout's rows by distinct value. All
// columns sum one slice of dout after the other, which stays in L2 meanwhile.
std::vector<Matrix> InputFold::distinct_gradients(Step& step, const TableValues& table,
                                                  const Context& context, ConstMatrix dout) const {
  constexpr int64_t kSlice = 32;
  RLE_CHECK(dout.contiguous() && dout.cols == width());
  std::vector<Matrix> out(columns_.size());
  std::vector<ListTerm> terms(columns_.size());
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (is_dense(c)) continue;
    const ColumnValues& values = table.columns[c];
    const bool lists = columns_[c].kind == ColumnKind::kMultiCategory;
    const Csr rows_of =
        lists ? transpose({values.offsets, values.index}, table.rows, values.distinct, step.arena)
              : transpose_gather(values.index, table.rows, values.distinct, step.arena);
    out[c] = new_matrix(step.arena, values.distinct, width());
    terms[c] = {nullptr, rows_of.offsets, rows_of.index, context.distinct[c].list_scale, lists};
  }
  step.pool.for_each((width() + kSlice - 1) / kSlice, [&](int64_t slice) {
    const int64_t first = slice * kSlice, last = std::min(width(), first + kSlice);
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (is_dense(c)) continue;
      ListTerm term = terms[c];
      term.x = dout.data + first;
      list_sum({&term, 1}, 0, out[c].rows, SegmentMode::kOverwrite, out[c].columns(first, last));
    }
  });
  return out;
}

void InputFold::backward_calendars(Step& step, const Context::Distinct& distinct, size_t column,
                                   ConstMatrix dproduct) const {
  const Matrix dfolded = new_zero_matrix(step.arena, kCalendarFeatures + 1, width());
  add_linear_gradient(step, distinct.calendar, dproduct, {dfolded});
  unfold_column(step, column, dfolded);
}

void InputFold::backward_categories(Step& step, const TableValues& table, const Context::Distinct& distinct,
                                    size_t column, ConstMatrix dproduct) const {
  const Matrix dvalue = new_zero_matrix(step.arena, distinct.value.rows, channels_);
  for (size_t s = 0; s < sides_.size(); ++s) {
    const int64_t first = static_cast<int64_t>(s) * channels_;
    const ConstMatrix side = dproduct.columns(first, first + channels_);
    if (sides_[s].identity) {
      for (int64_t i = 0; i < side.rows; ++i) add_to(side.row(i), channels_, dvalue.row(i));
      continue;
    }
    parallel_gemm(step, side, pack(side_slice(step, sides_[s], column), step.arena), dvalue,
                  GemmMode::kAccumulate);
    add_linear_gradient(step, side, distinct.value, {side_gradient_slice(step, sides_[s], column)});
  }
  const Matrix dembedding =
      step.weight_gradient(parameters_[column].embedding, columns_[column].vocabulary + 1, channels_);
  for (int64_t i = 0; i < dvalue.rows; ++i)
    add_to(dvalue.row(i), channels_, dembedding.row(table.columns[column].vocabulary_row[i]));
}

void InputFold::backward(Step& step, const TableValues& table, const Context& context, ConstMatrix ddense,
                         ConstMatrix dout) const {
  if (table.rows == 0) return;
  for (size_t s = 0; s < sides_.size(); ++s)
    if (!sides_[s].identity)
      add_to(ddense.row(0) + static_cast<int64_t>(s) * channels_, channels_, step.gradient(sides_[s].bias));
  const std::vector<Matrix> dproducts = distinct_gradients(step, table, context, dout);
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (is_dense(c)) {
      const int64_t offset = parameters_[c].dense_offset;
      unfold_column(step, c, ddense.slice(offset, offset + parameters_[c].features + 1));
      continue;
    }
    const Context::Distinct& distinct = context.distinct[c];
    if (columns_[c].kind == ColumnKind::kDatetime)
      backward_calendars(step, distinct, c, dproducts[c]);
    else
      backward_categories(step, table, distinct, c, dproducts[c]);
  }
}

}  // namespace rle
