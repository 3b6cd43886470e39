#include "job/column_family.h"

namespace rle {

ColumnFamily family_of(const SourceColumn& column) {
  const std::string& format = column.arrow_format;
  if (!column.readable || format.empty() || column.type_name.rfind("dictionary", 0) == 0)
    return ColumnFamily::kOther;
  if (format == "u" || format == "U" || format == "vu") return ColumnFamily::kText;
  if (format.rfind("td", 0) == 0 || format.rfind("ts", 0) == 0) return ColumnFamily::kDate;
  if (format.rfind("tt", 0) == 0) return ColumnFamily::kTimeOfDay;
  if (format.rfind("d:", 0) == 0)
    return format.find(",0") != std::string::npos ? ColumnFamily::kInteger : ColumnFamily::kFloat;
  if (format[0] == '+') return ColumnFamily::kList;
  if (format.size() > 1) return ColumnFamily::kOther;
  if (format == "b") return ColumnFamily::kBoolean;
  if (std::string_view("cCsSiIlL").find(format[0]) != std::string_view::npos) return ColumnFamily::kInteger;
  if (std::string_view("efg").find(format[0]) != std::string_view::npos) return ColumnFamily::kFloat;
  return ColumnFamily::kOther;
}

std::optional<PhysicalType> physical_type_of(ColumnFamily family) {
  switch (family) {
    case ColumnFamily::kInteger:
    case ColumnFamily::kBoolean:
      return PhysicalType::kInt64;
    case ColumnFamily::kFloat:
      return PhysicalType::kFloat64;
    case ColumnFamily::kText:
      return PhysicalType::kString;
    case ColumnFamily::kDate:
    case ColumnFamily::kTimeOfDay:
      return PhysicalType::kTimestamp;
    default:
      return std::nullopt;
  }
}

bool is_time(ColumnFamily family) {
  return family == ColumnFamily::kDate || family == ColumnFamily::kTimeOfDay;
}

}  // namespace rle
