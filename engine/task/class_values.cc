#include "task/class_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace rle {

bool is_list(PhysicalType type) {
  return type == PhysicalType::kIntList || type == PhysicalType::kStringList ||
         type == PhysicalType::kFloatList;
}

int64_t ClassValues::size() const {
  switch (column_.type) {
    case PhysicalType::kInt64:
    case PhysicalType::kIntList:
      return static_cast<int64_t>(column_.ints.size());
    case PhysicalType::kFloat64:
      return static_cast<int64_t>(column_.floats.size());
    case PhysicalType::kString:
    case PhysicalType::kStringList:
      return static_cast<int64_t>(column_.codes.size());
    default:
      break;
  }
  RLE_CHECK(!"a label column of this type");
  return 0;
}

int64_t ClassValues::key(int64_t i) const {
  const auto at = static_cast<size_t>(i);
  if (column_.type == PhysicalType::kFloat64) return std::bit_cast<int64_t>(column_.floats[at] + 0.0);
  if (column_.type == PhysicalType::kInt64 || column_.type == PhysicalType::kIntList) return column_.ints[at];
  return column_.codes[at];
}

std::string ClassValues::text(int64_t i) const {
  const auto at = static_cast<size_t>(i);
  if (column_.type == PhysicalType::kFloat64) return number_text(column_.floats[at] + 0.0);
  if (is_boolean(column_)) return column_.ints[at] != 0 ? "true" : "false";
  if (column_.type == PhysicalType::kInt64 || column_.type == PhysicalType::kIntList)
    return fmt::format("{}", column_.ints[at]);
  return std::string(column_.strings->at(column_.codes[at]));
}

bool ClassValues::less(int64_t i, int64_t j) const {
  if (column_.type == PhysicalType::kFloat64)
    return column_.floats[static_cast<size_t>(i)] < column_.floats[static_cast<size_t>(j)];
  return key(i) < key(j);  // codes of a sorted pool compare like their strings
}

std::vector<ClassCount> count_classes(const Column& column) {
  struct Seen {
    int64_t first, rows;
  };
  const ClassValues values(column);
  const bool list = is_list(column.type);
  std::unordered_map<int64_t, Seen> seen;
  for (int64_t i = 0, n = values.size(); i < n; ++i) {
    if (!list && column.is_null(i)) continue;
    ++seen.try_emplace(values.key(i), Seen{i, 0}).first->second.rows;
  }
  std::vector<Seen> order;
  order.reserve(seen.size());
  for (const auto& [key, entry] : seen) order.push_back(entry);
  std::sort(order.begin(), order.end(),
            [&](const Seen& a, const Seen& b) { return values.less(a.first, b.first); });
  std::vector<ClassCount> classes;
  classes.reserve(order.size());
  for (const Seen& entry : order) classes.push_back({values.text(entry.first), entry.rows});
  return classes;
}

ClassLookup::ClassLookup(const LabelEncoding& encoding, const Column& column) : values_(column) {
  for (size_t c = 0; c < encoding.classes.size(); ++c)
    ids_.emplace(encoding.classes[c], static_cast<int32_t>(c));
  if (is_boolean(column) != (encoding.arrow_format == "b")) {
    for (const auto& [boolean, number] : {std::pair("false", "0"), std::pair("true", "1")}) {
      if (const int32_t id = find(boolean); id >= 0) ids_.emplace(number, id);
      if (const int32_t id = find(number); id >= 0) ids_.emplace(boolean, id);
    }
  }
}

int32_t ClassLookup::find(const std::string& text) const {
  const auto entry = ids_.find(text);
  return entry == ids_.end() ? -1 : entry->second;
}

int32_t ClassLookup::id(int64_t i) {
  const auto [entry, fresh] = found_.try_emplace(values_.key(i), -1);
  if (fresh) entry->second = find(values_.text(i));
  return entry->second;
}

}  // namespace rle
