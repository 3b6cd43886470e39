#include "table/dtype_rules.h"

#include <algorithm>

#include "base/error.h"
#include "base/time.h"
#include "table/column_values.h"

namespace rle {
namespace {

template <typename T>
int64_t count_distinct(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return std::unique(values.begin(), values.end()) - values.begin();
}

template <typename T>
std::vector<T> sampled(const Array<T>& values, const std::vector<int64_t>& sample) {
  std::vector<T> out;
  out.reserve(sample.size());
  for (int64_t row : sample) out.push_back(values[static_cast<size_t>(row)]);
  return out;
}

Inference infer_integer(const Column& column, const std::vector<int64_t>& sample) {
  if (is_boolean(column)) return {Dtype::kCategory, "booleans"};
  const int64_t n = static_cast<int64_t>(sample.size());
  const int64_t distinct = count_distinct(sampled(column.ints, sample));
  const bool category = distinct <= kFewValues && n >= kIntegerRepeats * distinct;
  return {category ? Dtype::kCategory : Dtype::kInteger,
          fmt::format("integers, {} distinct in {} values", distinct, n)};
}

Inference infer_string(const Column& column, const std::vector<int64_t>& sample) {
  const int64_t n = static_cast<int64_t>(sample.size());
  const bool times = std::all_of(sample.begin(), sample.end(), [&column](int64_t row) {
    return parse_time(column.strings->at(column.codes[static_cast<size_t>(row)])).has_value();
  });
  if (times) return {Dtype::kDatetime, fmt::format("strings, all {} values are ISO times", n)};
  const int64_t distinct = count_distinct(sampled(column.codes, sample));
  const bool category = n >= (distinct <= kFewValues ? kStringRepeats : kManyStringRepeats) * distinct;
  return {category ? Dtype::kCategory : Dtype::kText,
          fmt::format("strings, {} distinct in {} values", distinct, n)};
}

}  // namespace

const std::vector<Dtype>& possible_dtypes(PhysicalType type) {
  static const std::vector<Dtype> integers = {Dtype::kInteger, Dtype::kFloat, Dtype::kCategory};
  static const std::vector<Dtype> floats = {Dtype::kFloat, Dtype::kInteger, Dtype::kCategory};
  static const std::vector<Dtype> times = {Dtype::kDatetime};
  static const std::vector<Dtype> strings = {Dtype::kText, Dtype::kCategory, Dtype::kDatetime};
  static const std::vector<Dtype> int_lists = {Dtype::kMultiCategorical, Dtype::kEmbedding};
  static const std::vector<Dtype> string_lists = {Dtype::kMultiCategorical};
  static const std::vector<Dtype> float_lists = {Dtype::kEmbedding};
  switch (type) {
    case PhysicalType::kInt64:
      return integers;
    case PhysicalType::kFloat64:
      return floats;
    case PhysicalType::kTimestamp:
      return times;
    case PhysicalType::kString:
      return strings;
    case PhysicalType::kIntList:
      return int_lists;
    case PhysicalType::kStringList:
      return string_lists;
    case PhysicalType::kFloatList:
      break;
  }
  return float_lists;
}

bool can_carry(PhysicalType type, Dtype dtype) {
  const std::vector<Dtype>& possible = possible_dtypes(type);
  return std::find(possible.begin(), possible.end(), dtype) != possible.end();
}

void check_can_carry(const Table& table, const Column& column, Dtype dtype) {
  if (can_carry(column.type, dtype)) return;
  std::string would_do;
  for (Dtype possible : possible_dtypes(column.type))
    would_do += fmt::format("{}{}", would_do.empty() ? "" : ", ", to_string(possible));
  fail(ErrorCode::kSpec,
       "table '{}', column '{}': its values are of type {} and can't be encoded as {}; declare one of: {}, "
       "or leave the "
       "dtype out to have it inferred",
       table.schema.name, column.name, is_boolean(column) ? "boolean" : to_string(column.type),
       to_string(dtype), would_do);
}

Inference infer_dtype(const Column& column, const std::vector<int64_t>& sample) {
  RLE_CHECK(!sample.empty());
  switch (column.type) {
    case PhysicalType::kInt64:
      return infer_integer(column, sample);
    case PhysicalType::kFloat64:
      return {Dtype::kFloat, "floats"};
    case PhysicalType::kTimestamp:
      return {Dtype::kDatetime, "dates or times"};
    case PhysicalType::kString:
      return infer_string(column, sample);
    case PhysicalType::kIntList:
      return {Dtype::kMultiCategorical, "lists of integers"};
    case PhysicalType::kStringList:
      return {Dtype::kMultiCategorical, "lists of strings"};
    case PhysicalType::kFloatList:
      break;
  }
  return {Dtype::kEmbedding, "lists of floats"};
}

}  // namespace rle
