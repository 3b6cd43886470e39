#include "table/column.h"

#include <algorithm>

#include "base/error.h"
#include "base/time.h"
#include "table/column_values.h"

namespace rle {
namespace {

template <typename T>
std::vector<T> picked(const Array<T>& values, const std::vector<int64_t>& order) {
  std::vector<T> out;
  if (values.empty()) return out;
  out.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) out[i] = values[static_cast<size_t>(order[i])];
  return out;
}

// The elements of the rows of `order`; `offsets` are the lists' offsets before.
template <typename T>
std::vector<T> picked_elements(const Array<T>& values, const Array<int64_t>& offsets,
                               const std::vector<int64_t>& order) {
  std::vector<T> out;
  if (values.empty()) return out;
  for (int64_t row : order) {
    const size_t i = static_cast<size_t>(row);
    out.insert(out.end(), values.begin() + offsets[i], values.begin() + offsets[i + 1]);
  }
  return out;
}

template <typename T>
int three_way(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

// Numbers first, NaN last, so that lists of floats have a total order too.
int three_way_float(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return three_way(std::isnan(a), std::isnan(b));
  return a == b ? three_way(std::signbit(b), std::signbit(a)) : three_way(a, b);
}

int compare_lists(const Column& column, int64_t a, int64_t b) {
  const ElementRange x = elements_at(column, a), y = elements_at(column, b);
  const int64_t shared = std::min(x.size(), y.size());
  for (int64_t k = 0; k < shared; ++k) {
    const size_t i = static_cast<size_t>(x.begin + k), j = static_cast<size_t>(y.begin + k);
    int result = 0;
    if (column.type == PhysicalType::kIntList)
      result = three_way(column.ints[i], column.ints[j]);
    else if (column.type == PhysicalType::kStringList)
      result = three_way(column.codes[i], column.codes[j]);
    else
      result = three_way_float(column.floats32[i], column.floats32[j]);
    if (result != 0) return result;
  }
  return three_way(x.size(), y.size());
}

std::string element_text(const Column& column, size_t element) {
  if (column.type == PhysicalType::kIntList) return fmt::format("{}", column.ints[element]);
  if (column.type == PhysicalType::kStringList) return std::string(column.strings->at(column.codes[element]));
  return fmt::format("{}", column.floats32[element]);
}

}  // namespace

std::string_view to_string(PhysicalType type) {
  switch (type) {
    case PhysicalType::kInt64:
      return "integer";
    case PhysicalType::kFloat64:
      return "float";
    case PhysicalType::kTimestamp:
      return "timestamp";
    case PhysicalType::kString:
      return "string";
    case PhysicalType::kIntList:
      return "list of integers";
    case PhysicalType::kStringList:
      return "list of strings";
    case PhysicalType::kFloatList:
      return "list of floats";
  }
  return "";
}

int64_t Column::null_count() const { return std::count(valid.begin(), valid.end(), uint8_t{0}); }

std::string Column::display(int64_t row) const {
  if (is_null(row)) return "null";
  const size_t i = static_cast<size_t>(row);
  switch (type) {
    case PhysicalType::kInt64:
      return is_boolean(*this) ? (ints[i] != 0 ? "true" : "false") : fmt::format("{}", ints[i]);
    case PhysicalType::kFloat64:
      return number_text(floats[i]);
    case PhysicalType::kTimestamp:
      return format_time(ints[i]);
    case PhysicalType::kString:
      return std::string(strings->at(codes[i]));
    default:
      break;
  }
  std::string out = "[";
  const ElementRange range = elements_at(*this, row);
  for (int64_t e = range.begin; e < range.end; ++e) {
    if (e > range.begin) out += ", ";
    out += element_text(*this, static_cast<size_t>(e));
  }
  return out + "]";
}

int Column::compare(int64_t a, int64_t b) const {
  const bool a_null = is_null(a), b_null = is_null(b);
  if (a_null || b_null) return three_way(a_null, b_null);
  if (!offsets.empty()) return compare_lists(*this, a, b);
  return three_way(order_key(*this, a), order_key(*this, b));
}

Column Column::permuted(const std::vector<int64_t>& order) const {
  Column out;
  out.name = name;
  out.type = type;
  out.arrow_format = arrow_format;
  out.rows = static_cast<int64_t>(order.size());
  out.strings = strings;
  out.valid = picked(valid, order);
  if (offsets.empty()) {
    out.ints = picked(ints, order);
    out.floats = picked(floats, order);
    out.codes = picked(codes, order);
    return out;
  }
  std::vector<int64_t> ends{0};
  ends.reserve(order.size() + 1);
  for (int64_t row : order) ends.push_back(ends.back() + elements_at(*this, row).size());
  out.offsets = std::move(ends);
  out.ints = picked_elements(ints, offsets, order);
  out.codes = picked_elements(codes, offsets, order);
  out.floats32 = picked_elements(floats32, offsets, order);
  return out;
}

void Column::truncate(int64_t count) {
  const auto first = static_cast<size_t>(count);
  rows = count;
  valid.truncate(first);
  const size_t values = offsets.empty() ? first : static_cast<size_t>(offsets[first]);
  ints.truncate(values);
  floats.truncate(values);
  codes.truncate(values);
  floats32.truncate(values);
  if (!offsets.empty()) offsets.truncate(first + 1);
}

const Column* Table::find(std::string_view name) const {
  for (const Column& column : columns)
    if (column.name == name) return &column;
  return nullptr;
}

const Column& Table::at(std::string_view name) const {
  const Column* column = find(name);
  if (column == nullptr) fail(ErrorCode::kInternal, "table '{}' holds no column '{}'", schema.name, name);
  return *column;
}

std::vector<std::string> Table::column_names() const {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const Column& column : columns) names.push_back(column.name);
  return names;
}

}  // namespace rle
