#include "ingest/arrow_import.h"

#include <algorithm>
#include <cmath>

#include "ingest/arrow_import_parts.h"

namespace rle::ingest {

ColumnImporter::ColumnImporter(ImportOptions options, PhysicalType type, std::string arrow_format)
    : options_(std::move(options)) {
  column_.name = options_.column;
  column_.type = type;
  column_.arrow_format = std::move(arrow_format);
  const auto rows = static_cast<size_t>(options_.expected_rows);
  if (type == PhysicalType::kInt64 || type == PhysicalType::kTimestamp) column_.ints.edit().reserve(rows);
  if (type == PhysicalType::kFloat64) column_.floats.edit().reserve(rows);
  if (type == PhysicalType::kString) column_.codes.edit().reserve(rows);
}

void ColumnImporter::append(const ArrowArray& array) {
  const int64_t first = column_.rows;
  append_validity(array);
  column_.rows += array.length;
  append_values(array, first);
}

void ColumnImporter::append_validity(const ArrowArray& array) {
  const BitView present = validity_of(array);
  int64_t begin = 0;
  if (column_.valid.empty()) {
    if (!present.present()) return;
    while (begin < array.length && present[begin]) ++begin;
    if (begin == array.length) return;
    column_.valid.edit().assign(static_cast<size_t>(column_.rows), 1);
    begin = 0;
  }
  const size_t at = column_.valid.size();
  column_.valid.edit().resize(at + static_cast<size_t>(array.length), 1);
  if (!present.present()) return;
  for (int64_t i = begin; i < array.length; ++i)
    column_.valid.edit()[at + static_cast<size_t>(i)] = present[i] ? 1 : 0;
}

Column ColumnImporter::finish() {
  finish_values();
  if (options_.is_time) settle_time();
  return std::move(column_);
}

// A column without a single value arrives as whatever type the source falls back to.
void ColumnImporter::settle_time() {
  if (column_.type == PhysicalType::kTimestamp) return;
  const bool empty = column_.null_count() == column_.rows;
  const bool number = column_.type == PhysicalType::kInt64 || column_.type == PhysicalType::kFloat64;
  if (!empty || !number) {
    fail(ErrorCode::kSpec,
         "table '{}': column '{}' is used as a time, but its type is {}; it should be a date, a timestamp or "
         "ISO text "
         "(2020-08-31 12:30:00): cast it in the source",
         options_.table, options_.column, parse_arrow_format(column_.arrow_format).name);
  }
  column_.type = PhysicalType::kTimestamp;
  column_.arrow_format = "tsu:";
  column_.floats.edit().clear();
  column_.ints.edit().assign(static_cast<size_t>(column_.rows), 0);
}

void ColumnImporter::set_null(int64_t row) {
  if (column_.valid.empty()) column_.valid.edit().assign(static_cast<size_t>(column_.rows), 1);
  column_.valid.edit()[static_cast<size_t>(row)] = 0;
}

std::string ColumnImporter::where(int64_t row) const {
  return fmt::format("table '{}', column '{}', row {} of the source (counted from 1)", options_.table,
                     options_.column, row + 1);
}

void ColumnImporter::fail_row(int64_t row, const std::string& what) const {
  throw Error(ErrorCode::kData, fmt::format("{}: {}", where(row), what));
}

std::unique_ptr<ColumnImporter> make_importer(const ArrowSchema& schema, ImportOptions options) {
  RLE_CHECK(is_readable(schema));
  const ArrowKind kind = parse_arrow_type(schema).kind;
  if (is_list(kind)) return make_list_importer(schema, std::move(options));
  if (is_string(kind) || kind == ArrowKind::kDictionary)
    return make_string_importer(schema, std::move(options));
  if (is_time(kind)) return make_time_importer(schema, std::move(options));
  return make_number_importer(schema, std::move(options));
}

std::string_view StringsView::operator[](int64_t i) const {
  const int64_t at = array_.offset + i;
  if (kind_ == ArrowKind::kUtf8) {
    const auto* ends = static_cast<const int32_t*>(array_.buffers[1]);
    return {static_cast<const char*>(array_.buffers[2]) + ends[at],
            static_cast<size_t>(ends[at + 1] - ends[at])};
  }
  if (kind_ == ArrowKind::kLargeUtf8) {
    const auto* ends = static_cast<const int64_t*>(array_.buffers[1]);
    return {static_cast<const char*>(array_.buffers[2]) + ends[at],
            static_cast<size_t>(ends[at + 1] - ends[at])};
  }
  // A view: 4 bytes length, then 12 bytes inline, or 4 prefix, 4 buffer, 4 offset.
  const char* view = static_cast<const char*>(array_.buffers[1]) + at * 16;
  int32_t length, buffer, start;
  std::memcpy(&length, view, 4);
  if (length <= 12) return {view + 4, static_cast<size_t>(length)};
  std::memcpy(&buffer, view + 8, 4);
  std::memcpy(&start, view + 12, 4);
  return {static_cast<const char*>(array_.buffers[2 + buffer]) + start, static_cast<size_t>(length)};
}

float half_to_float(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int mantissa = half & 1023;
  float value;
  if (exponent == 31) {
    value = mantissa == 0 ? INFINITY : NAN;
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    value = std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  }
  return (half & 0x8000) != 0 ? -value : value;
}

double decimal_to_double(Int128 value, int scale) {
  const auto wide = static_cast<long double>(value);
  return static_cast<double>(scale >= 0 ? wide / std::pow(10.0L, scale) : wide * std::pow(10.0L, -scale));
}

std::string to_text(Int128 value) {
  const bool negative = value < 0;
  std::string digits;
  do {
    const int digit = static_cast<int>(value % 10);
    digits.push_back(static_cast<char>('0' + (digit < 0 ? -digit : digit)));
    value /= 10;
  } while (value != 0);
  if (negative) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace rle::ingest
