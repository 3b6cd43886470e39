#include "ingest/arrow_type.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "base/error.h"
#include "ingest/arrow_abi.h"

namespace rle::ingest {
namespace {

constexpr int kMaxDecimalScale = 1000;

struct Simple {
  std::string_view format;
  ArrowKind kind;
  std::string_view name;
};

constexpr Simple kSimple[] = {
    {"n", ArrowKind::kNull, "null"},
    {"b", ArrowKind::kBool, "bool"},
    {"c", ArrowKind::kInt8, "int8"},
    {"C", ArrowKind::kUint8, "uint8"},
    {"s", ArrowKind::kInt16, "int16"},
    {"S", ArrowKind::kUint16, "uint16"},
    {"i", ArrowKind::kInt32, "int32"},
    {"I", ArrowKind::kUint32, "uint32"},
    {"l", ArrowKind::kInt64, "int64"},
    {"L", ArrowKind::kUint64, "uint64"},
    {"e", ArrowKind::kHalf, "float16"},
    {"f", ArrowKind::kFloat, "float32"},
    {"g", ArrowKind::kDouble, "float64"},
    {"u", ArrowKind::kUtf8, "string"},
    {"U", ArrowKind::kLargeUtf8, "large_string"},
    {"vu", ArrowKind::kUtf8View, "string_view"},
    {"tdD", ArrowKind::kDate32, "date32"},
    {"tdm", ArrowKind::kDate64, "date64"},
    {"+l", ArrowKind::kList, "list"},
    {"+L", ArrowKind::kLargeList, "large_list"},
    {"z", ArrowKind::kOther, "binary"},
    {"Z", ArrowKind::kOther, "large_binary"},
    {"vz", ArrowKind::kOther, "binary_view"},
    {"tiM", ArrowKind::kOther, "interval"},
    {"tiD", ArrowKind::kOther, "interval"},
    {"tin", ArrowKind::kOther, "interval"},
    {"+s", ArrowKind::kOther, "struct"},
    {"+m", ArrowKind::kOther, "map"},
    {"+r", ArrowKind::kOther, "run_end_encoded"},
    {"+vl", ArrowKind::kOther, "list_view"},
    {"+vL", ArrowKind::kOther, "large_list_view"},
};

std::string_view unit_name(char unit) {
  switch (unit) {
    case 's':
      return "s";
    case 'm':
      return "ms";
    case 'u':
      return "us";
    default:
      return "ns";
  }
}

std::optional<int> whole_number(std::string_view digits) {
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

ArrowType unknown(std::string_view format) {
  ArrowType type;
  type.name = fmt::format("Arrow format '{}'", format);
  return type;
}

// "d:38,0", "d:38,0,256"
ArrowType parse_decimal(std::string_view format) {
  std::vector<std::optional<int>> numbers;
  for (size_t begin = 2; begin <= format.size();) {
    const size_t comma = std::min(format.find(',', begin), format.size());
    numbers.push_back(whole_number(format.substr(begin, comma - begin)));
    begin = comma + 1;
  }
  if (numbers.size() < 2 || numbers.size() > 3 || !numbers[0] || !numbers[1] || !numbers.back() ||
      *numbers[1] > kMaxDecimalScale || *numbers[1] < -kMaxDecimalScale)
    return unknown(format);
  ArrowType type;
  const int bits = numbers.size() == 3 ? *numbers[2] : 128;
  type.precision = *numbers[0];
  type.scale = *numbers[1];
  type.kind = bits == 128 ? ArrowKind::kDecimal128 : ArrowKind::kOther;
  type.name = fmt::format("decimal{}({}, {})", bits, type.precision, type.scale);
  return type;
}

ArrowType parse_time_format(std::string_view format) {
  ArrowType type;
  type.unit = format[2];
  const std::string_view unit = unit_name(type.unit);
  if (format[1] == 't') {
    const bool narrow = type.unit == 's' || type.unit == 'm';
    type.kind = narrow ? ArrowKind::kTime32 : ArrowKind::kTime64;
    type.name = fmt::format("time{}[{}]", narrow ? 32 : 64, unit);
  } else {
    type.kind = ArrowKind::kTimestamp;
    type.zone = format.size() > 4 ? std::string(format.substr(4)) : "";
    type.name = type.zone.empty() ? fmt::format("timestamp[{}]", unit)
                                  : fmt::format("timestamp[{}, {}]", unit, type.zone);
  }
  return type;
}

}  // namespace

ArrowType parse_arrow_format(std::string_view format) {
  ArrowType type;
  for (const Simple& simple : kSimple) {
    if (simple.format == format) {
      type.kind = simple.kind;
      type.name = simple.name;
      return type;
    }
  }
  if (format.starts_with("d:")) return parse_decimal(format);
  const bool has_unit =
      format.size() >= 3 && std::string_view("smun").find(format[2]) != std::string_view::npos;
  if (has_unit && (format.starts_with("tt") || format.starts_with("ts"))) return parse_time_format(format);
  if (format.starts_with("+w:")) {
    const std::optional<int> size = whole_number(format.substr(3));
    if (!size || *size < 0) return unknown(format);
    type.kind = ArrowKind::kFixedSizeList;
    type.list_size = *size;
    type.name = fmt::format("fixed_size_list[{}]", type.list_size);
  } else if (format.starts_with("w:")) {
    type.name = "fixed_size_binary";
  } else if (format.starts_with("tD")) {
    type.name = "duration";
  } else if (format.starts_with("+u")) {
    type.name = "union";
  } else {
    return unknown(format);
  }
  return type;
}

ArrowType parse_arrow_type(const ArrowSchema& schema) {
  ArrowType type = parse_arrow_format(schema.format);
  if (schema.dictionary != nullptr) {
    const ArrowType values = parse_arrow_type(*schema.dictionary);
    type.name = fmt::format("dictionary<{}>", values.name);
    type.kind = ArrowKind::kDictionary;
  } else if (is_list(type.kind) && schema.n_children == 1) {
    type.name = fmt::format("{}<{}>", type.name, parse_arrow_type(*schema.children[0]).name);
  }
  return type;
}

bool is_readable(const ArrowSchema& schema) {
  const ArrowType type = parse_arrow_type(schema);
  if (type.kind == ArrowKind::kDictionary) {
    const ArrowKind index = parse_arrow_format(schema.format).kind;
    return is_integer(index) && index != ArrowKind::kBool &&
           is_string(parse_arrow_type(*schema.dictionary).kind);
  }
  if (is_list(type.kind)) {
    if (schema.n_children != 1) return false;
    const ArrowType item = parse_arrow_type(*schema.children[0]);
    if (item.kind == ArrowKind::kDictionary) return false;
    return is_integer(item.kind) || is_float(item.kind) || is_string(item.kind) ||
           item.kind == ArrowKind::kDecimal128 || item.kind == ArrowKind::kNull;
  }
  return type.kind != ArrowKind::kOther;
}

PhysicalType physical_type(const ArrowSchema& schema) {
  RLE_CHECK(is_readable(schema));
  const ArrowType type = parse_arrow_type(schema);
  if (is_time(type.kind)) return PhysicalType::kTimestamp;
  if (is_string(type.kind) || type.kind == ArrowKind::kDictionary) return PhysicalType::kString;
  if (is_float(type.kind)) return PhysicalType::kFloat64;
  if (type.kind == ArrowKind::kDecimal128)
    return type.scale > 0 ? PhysicalType::kFloat64 : PhysicalType::kInt64;
  if (!is_list(type.kind)) return PhysicalType::kInt64;
  const ArrowType item = parse_arrow_type(*schema.children[0]);
  if (is_string(item.kind)) return PhysicalType::kStringList;
  return is_integer(item.kind) || item.kind == ArrowKind::kNull ? PhysicalType::kIntList
                                                                : PhysicalType::kFloatList;
}

bool is_integer(ArrowKind kind) { return kind >= ArrowKind::kBool && kind <= ArrowKind::kUint64; }
bool is_float(ArrowKind kind) { return kind >= ArrowKind::kHalf && kind <= ArrowKind::kDouble; }
bool is_string(ArrowKind kind) { return kind >= ArrowKind::kUtf8 && kind <= ArrowKind::kUtf8View; }
bool is_list(ArrowKind kind) { return kind >= ArrowKind::kList && kind <= ArrowKind::kFixedSizeList; }
bool is_time(ArrowKind kind) { return kind >= ArrowKind::kDate32 && kind <= ArrowKind::kTimestamp; }

UnitScale unit_scale(char unit) {
  switch (unit) {
    case 's':
      return {1'000'000, false};
    case 'm':
      return {1'000, false};
    case 'u':
      return {1, false};
    default:
      return {1'000, true};
  }
}

}  // namespace rle::ingest
