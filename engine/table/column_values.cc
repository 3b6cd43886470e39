#include "table/column_values.h"

#include <bit>
#include <charconv>

#include "base/error.h"
#include "base/time.h"

namespace rle {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

uint64_t order_bits(double value) {
  if (std::isnan(value)) return UINT64_MAX;
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

template <typename Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

uint64_t order_key(const Column& column, int64_t row) {
  const size_t i = static_cast<size_t>(row);
  switch (column.type) {
    case PhysicalType::kInt64:
    case PhysicalType::kTimestamp:
      return static_cast<uint64_t>(column.ints[i]) ^ kSignBit;
    case PhysicalType::kFloat64:
      return order_bits(column.floats[i]);
    case PhysicalType::kString:
      return static_cast<uint64_t>(column.codes[i]);
    default:
      break;
  }
  RLE_CHECK(!"order_key of a list column");
  return 0;
}

std::string number_text(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  RLE_CHECK(error == std::errc());
  return std::string(buffer, end);
}

std::optional<int64_t> parse_integer(std::string_view text) { return parse_whole<int64_t>(text); }
std::optional<double> parse_number(std::string_view text) { return parse_whole<double>(text); }

TimeValues::TimeValues(const Column& column) : column_(column) {
  if (column.type == PhysicalType::kTimestamp) return;
  RLE_CHECK(column.type == PhysicalType::kString);
  parsed_.resize(static_cast<size_t>(column.strings->size()));
  std::vector<uint8_t> used(parsed_.size());
  for (int64_t row = 0; row < column.rows; ++row) {
    const size_t code = static_cast<size_t>(column.codes[static_cast<size_t>(row)]);
    if (column.is_null(row) || used[code] != 0) continue;
    used[code] = 1;
    parsed_[code] = parse_time(column.strings->at(static_cast<int64_t>(code)));
  }
}

bool has_finite_value(const Column& column, int64_t row) {
  if (column.is_null(row)) return false;
  if (column.type == PhysicalType::kFloat64) return std::isfinite(column.floats[static_cast<size_t>(row)]);
  if (column.offsets.empty()) return true;
  const ElementRange range = elements_at(column, row);
  if (column.type == PhysicalType::kFloatList)
    for (int64_t e = range.begin; e < range.end; ++e)
      if (!std::isfinite(column.floats32[static_cast<size_t>(e)])) return false;
  return range.size() > 0;
}

}  // namespace rle
