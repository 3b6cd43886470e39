// Small tables for tests: columns from literal values, nullopt for null.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "table/column.h"

namespace rle {

template <typename T>
using Nullable = std::vector<std::optional<T>>;

inline std::shared_ptr<const StringPool> pool_of(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return std::make_shared<const StringPool>(std::vector<std::string_view>(texts.begin(), texts.end()));
}

// A column of `values.size()` rows whose nulls are set; its values are the caller's to fill in.
template <typename T>
Column column_frame(std::string name, PhysicalType type, const Nullable<T>& values) {
  Column column;
  column.name = std::move(name);
  column.type = type;
  column.rows = static_cast<int64_t>(values.size());
  if (std::any_of(values.begin(), values.end(), [](const auto& v) { return !v; }))
    for (const auto& value : values) column.valid.edit().push_back(value ? 1 : 0);
  return column;
}

inline Column int_column(std::string name, const Nullable<int64_t>& values,
                         PhysicalType type = PhysicalType::kInt64) {
  Column column = column_frame(std::move(name), type, values);
  for (const auto& value : values) column.ints.edit().push_back(value.value_or(0));
  return column;
}

inline Column time_column(std::string name, const Nullable<int64_t>& values) {
  return int_column(std::move(name), values, PhysicalType::kTimestamp);
}

inline Column float_column(std::string name, const Nullable<double>& values) {
  Column column = column_frame(std::move(name), PhysicalType::kFloat64, values);
  for (const auto& value : values) column.floats.edit().push_back(value.value_or(0));
  return column;
}

inline Column string_column(std::string name, const Nullable<std::string>& values) {
  Column column = column_frame(std::move(name), PhysicalType::kString, values);
  std::vector<std::string> texts;
  for (const auto& value : values)
    if (value) texts.push_back(*value);
  column.strings = pool_of(texts);
  for (const auto& value : values) column.codes.edit().push_back(value ? column.strings->find(*value) : 0);
  return column;
}

template <typename T>
Column list_column(std::string name, PhysicalType type, const Nullable<std::vector<T>>& values,
                   Array<T> Column::*elements) {
  Column column = column_frame(std::move(name), type, values);
  column.offsets.edit().push_back(0);
  for (const auto& value : values) {
    std::vector<T>& all = (column.*elements).edit();
    if (value) all.insert(all.end(), value->begin(), value->end());
    column.offsets.edit().push_back(static_cast<int64_t>((column.*elements).size()));
  }
  return column;
}

inline Column int_list_column(std::string name, const Nullable<std::vector<int64_t>>& values) {
  return list_column(std::move(name), PhysicalType::kIntList, values, &Column::ints);
}

inline Column float_list_column(std::string name, const Nullable<std::vector<float>>& values) {
  return list_column(std::move(name), PhysicalType::kFloatList, values, &Column::floats32);
}

inline Column string_list_column(std::string name, const Nullable<std::vector<std::string>>& values) {
  std::vector<std::string> texts;
  for (const auto& value : values)
    if (value) texts.insert(texts.end(), value->begin(), value->end());
  const auto pool = pool_of(texts);
  Nullable<std::vector<int32_t>> codes;
  for (const auto& value : values) {
    codes.emplace_back(value ? std::optional(std::vector<int32_t>()) : std::nullopt);
    if (value)
      for (const std::string& text : *value) codes.back()->push_back(pool->find(text));
  }
  Column column = list_column(std::move(name), PhysicalType::kStringList, codes, &Column::codes);
  column.strings = pool;
  return column;
}

inline Table make_table(std::string name, std::vector<Column> columns,
                        std::optional<std::string> time = std::nullopt,
                        std::optional<std::string> key = std::nullopt) {
  Table table;
  table.schema.name = std::move(name);
  table.schema.time_column = std::move(time);
  table.schema.primary_key = std::move(key);
  table.rows = columns.empty() ? 0 : columns.front().rows;
  table.columns = std::move(columns);
  return table;
}

}  // namespace rle
