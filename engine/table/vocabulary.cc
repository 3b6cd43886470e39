#include "table/vocabulary.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "table/column_values.h"

namespace rle {
namespace {

// Integers within so narrow a range are counted and looked up in an array, others by sorting.
constexpr uint64_t kDenseRange = 1 << 20;

template <typename T>
struct Counted {
  T value;
  int64_t count;
};

template <typename T>
void by_falling_count(std::vector<Counted<T>>& counts) {
  std::sort(counts.begin(), counts.end(), [](const Counted<T>& a, const Counted<T>& b) {
    return a.count != b.count ? a.count > b.count : a.value < b.value;
  });
}

// Calls use(position) for each value of visible rows that hold one: a scalar, or each distinct element of a
// list.
template <typename Use>
void for_visible_values(const Column& column, const std::vector<uint8_t>& visible, Use use) {
  std::vector<std::pair<int64_t, size_t>> elements;  // value or code, position
  for (int64_t row = 0; row < column.rows; ++row) {
    if (visible[static_cast<size_t>(row)] == 0 || !has_finite_value(column, row)) continue;
    if (column.offsets.empty()) {
      use(static_cast<size_t>(row));
      continue;
    }
    const ElementRange range = elements_at(column, row);
    elements.clear();
    for (auto e = static_cast<size_t>(range.begin); e < static_cast<size_t>(range.end); ++e)
      elements.emplace_back(column.type == PhysicalType::kIntList ? column.ints[e] : column.codes[e], e);
    std::sort(elements.begin(), elements.end());
    for (size_t k = 0; k < elements.size(); ++k)
      if (k == 0 || elements[k].first != elements[k - 1].first) use(elements[k].second);
  }
}

std::vector<Counted<int32_t>> count_codes(const Column& column, const std::vector<uint8_t>& visible) {
  std::vector<int64_t> counts(static_cast<size_t>(column.strings->size()));
  for_visible_values(column, visible, [&](size_t i) { ++counts[static_cast<size_t>(column.codes[i])]; });
  std::vector<Counted<int32_t>> out;
  for (size_t code = 0; code < counts.size(); ++code)
    if (counts[code] > 0) out.push_back({static_cast<int32_t>(code), counts[code]});
  return out;
}

template <typename T>
std::vector<Counted<T>> count_sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  std::vector<Counted<T>> out;
  for (const T value : values) {
    if (out.empty() || out.back().value != value) out.push_back({value, 0});
    ++out.back().count;
  }
  return out;
}

std::vector<Counted<int64_t>> count_integers(std::vector<int64_t> values) {
  if (values.empty()) return {};
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const int64_t first = *low;
  const uint64_t range = static_cast<uint64_t>(*high) - static_cast<uint64_t>(first);
  if (range >= kDenseRange) return count_sorted(std::move(values));
  std::vector<int64_t> counts(static_cast<size_t>(range) + 1);
  for (int64_t value : values) ++counts[static_cast<size_t>(value - first)];
  std::vector<Counted<int64_t>> out;
  for (size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) out.push_back({first + static_cast<int64_t>(i), counts[i]});
  return out;
}

template <typename T>
struct Entry {
  T value;
  int32_t code;
  friend bool operator<(const Entry& a, const Entry& b) {
    return a.value != b.value ? a.value < b.value : a.code < b.code;
  }
};

// The vocabulary's numbers in ascending order, each with its code; texts that are no number can't occur and
// are passed over.
template <typename T>
std::vector<Entry<T>> numeric_entries(const std::vector<std::string>& vocabulary,
                                      std::optional<T> (*parse)(std::string_view)) {
  std::vector<Entry<T>> entries;
  for (size_t i = 0; i < vocabulary.size(); ++i)
    if (const auto value = parse(vocabulary[i])) entries.push_back({*value, static_cast<int32_t>(i) + 1});
  std::sort(entries.begin(), entries.end());
  return entries;
}

template <typename T>
int32_t code_of(const std::vector<Entry<T>>& entries, T value) {
  const auto at = std::lower_bound(entries.begin(), entries.end(), Entry<T>{value, 0});
  return at != entries.end() && at->value == value ? at->code : 0;
}

std::vector<int32_t> integer_codes(const Array<int64_t>& values, const std::vector<std::string>& vocabulary) {
  std::vector<int32_t> codes(values.size());
  const auto entries = numeric_entries<int64_t>(vocabulary, parse_integer);
  if (entries.empty()) return codes;
  const uint64_t first = static_cast<uint64_t>(entries.front().value);
  const uint64_t range = static_cast<uint64_t>(entries.back().value) - first;
  if (range >= kDenseRange) {
    for (size_t i = 0; i < values.size(); ++i) codes[i] = code_of(entries, values[i]);
    return codes;
  }
  std::vector<int32_t> table(static_cast<size_t>(range) + 1);
  for (const auto& entry : entries)
    table[static_cast<size_t>(static_cast<uint64_t>(entry.value) - first)] = entry.code;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint64_t at = static_cast<uint64_t>(values[i]) - first;
    codes[i] = at <= range ? table[static_cast<size_t>(at)] : 0;
  }
  return codes;
}

std::vector<int32_t> float_codes(const Array<double>& values, const std::vector<std::string>& vocabulary) {
  std::vector<int32_t> codes(values.size());
  const auto entries = numeric_entries<double>(vocabulary, parse_number);
  for (size_t i = 0; i < values.size(); ++i)
    codes[i] = std::isfinite(values[i]) ? code_of(entries, values[i]) : 0;
  return codes;
}

std::vector<int32_t> string_codes(const Column& column, const std::vector<std::string>& vocabulary) {
  std::vector<int32_t> by_pool(static_cast<size_t>(column.strings->size()));
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    const int32_t code = column.strings->find(vocabulary[i]);
    if (code >= 0) by_pool[static_cast<size_t>(code)] = static_cast<int32_t>(i) + 1;
  }
  std::vector<int32_t> codes(column.codes.size());
  for (size_t i = 0; i < codes.size(); ++i)
    codes[i] = by_pool.empty() ? 0 : by_pool[static_cast<size_t>(column.codes[i])];
  return codes;
}

}  // namespace

std::vector<std::string> count_vocabulary(const Column& column, const std::vector<uint8_t>& visible) {
  std::vector<std::string> vocabulary;
  if (column.type == PhysicalType::kString || column.type == PhysicalType::kStringList) {
    auto counts = count_codes(column, visible);
    by_falling_count(counts);
    for (const auto& c : counts) vocabulary.emplace_back(column.strings->at(c.value));
  } else if (column.type == PhysicalType::kInt64 || column.type == PhysicalType::kIntList) {
    std::vector<int64_t> values;
    for_visible_values(column, visible, [&](size_t i) { values.push_back(column.ints[i]); });
    auto counts = count_integers(std::move(values));
    by_falling_count(counts);
    for (const auto& c : counts) vocabulary.push_back(fmt::format("{}", c.value));
  } else {
    RLE_CHECK(column.type == PhysicalType::kFloat64);
    std::vector<double> values;
    for_visible_values(column, visible, [&](size_t i) { values.push_back(column.floats[i] + 0.0); });
    auto counts = count_sorted(std::move(values));
    by_falling_count(counts);
    for (const auto& c : counts) vocabulary.push_back(number_text(c.value));
  }
  return vocabulary;
}

std::vector<int32_t> vocabulary_codes(const Column& column, const std::vector<std::string>& vocabulary) {
  std::vector<int32_t> codes;
  if (column.type == PhysicalType::kString || column.type == PhysicalType::kStringList)
    codes = string_codes(column, vocabulary);
  else if (column.type == PhysicalType::kInt64 || column.type == PhysicalType::kIntList)
    codes = integer_codes(column.ints, vocabulary);
  else
    codes = float_codes(column.floats, vocabulary);
  if (column.offsets.empty() && !column.valid.empty())
    for (size_t i = 0; i < codes.size(); ++i)
      if (column.valid[i] == 0) codes[i] = 0;
  return codes;
}

}  // namespace rle
