// Tables made by hand, for tests and benchmarks of graph/ and sample/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "table/column.h"

namespace rle::test {

template <typename T>
using Values = std::vector<std::optional<T>>;

// nullopt: null.
inline Column int_column(std::string name, const Values<int64_t>& values,
                         PhysicalType type = PhysicalType::kInt64) {
  Column column;
  column.name = std::move(name);
  column.type = type;
  column.rows = static_cast<int64_t>(values.size());
  for (const auto& value : values) {
    column.ints.edit().push_back(value.value_or(0));
    column.valid.edit().push_back(value.has_value());
  }
  return column;
}

inline Column time_column(std::string name, const Values<int64_t>& values_us) {
  return int_column(std::move(name), values_us, PhysicalType::kTimestamp);
}

inline Column string_column(std::string name, const Values<std::string>& values) {
  Column column;
  column.name = std::move(name);
  column.type = PhysicalType::kString;
  column.rows = static_cast<int64_t>(values.size());
  std::vector<std::string_view> sorted;
  for (const auto& value : values)
    if (value) sorted.push_back(*value);
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  for (const auto& value : values) {
    column.codes.edit().push_back(
        value ? static_cast<int32_t>(std::lower_bound(sorted.begin(), sorted.end(), *value) - sorted.begin())
              : 0);
    column.valid.edit().push_back(value.has_value());
  }
  column.strings = std::make_shared<StringPool>(sorted);
  return column;
}

// A node table with its columns; keys and time are set by the caller.
inline Table table(std::string name, std::vector<Column> columns) {
  Table made;
  made.schema.name = std::move(name);
  made.columns = std::move(columns);
  made.rows = made.columns.empty() ? 0 : made.columns[0].rows;
  return made;
}

// `rows` rows with primary key "id" = 0..rows-1 and, where a span is given, ascending times "date" in whole
// days.
inline Table numbered(std::string name, int64_t rows, std::optional<int64_t> days = {}) {
  Table made = table(std::move(name), {});
  made.rows = rows;
  Column id, date;
  id.name = "id";
  date.name = "date";
  date.type = PhysicalType::kTimestamp;
  id.rows = date.rows = rows;
  for (int64_t row = 0; row < rows; ++row) {
    id.ints.edit().push_back(row);
    if (days) date.ints.edit().push_back(row * *days / rows * 86'400'000'000);
  }
  made.columns.push_back(std::move(id));
  made.schema.primary_key = "id";
  if (!days) return made;
  made.columns.push_back(std::move(date));
  made.schema.time_column = "date";
  return made;
}

// A foreign key "<parent>Id" of random values, the low ones more often (skew 1: uniform).
inline void link(Table& child, const Table& parent, RngKey key, double skew = 1) {
  RngStream stream(key);
  Column column;
  column.name = parent.schema.name + "Id";
  column.rows = child.rows;
  for (int64_t row = 0; row < child.rows; ++row) {
    double u = stream.uniform();
    for (double s = skew; s > 1; s -= 1) u *= stream.uniform();
    column.ints.edit().push_back(static_cast<int64_t>(u * static_cast<double>(parent.rows)));
  }
  child.schema.foreign_keys.push_back({column.name, parent.schema.name, "id", false});
  child.columns.push_back(std::move(column));
}

// A foreign key "<parent>Id" that ascends with the rows: what belongs to an event lies beside it in time.
inline void link_in_order(Table& child, const Table& parent) {
  Column column;
  column.name = parent.schema.name + "Id";
  column.rows = child.rows;
  for (int64_t row = 0; row < child.rows; ++row) column.ints.edit().push_back(row * parent.rows / child.rows);
  child.schema.foreign_keys.push_back({column.name, parent.schema.name, "id", false});
  child.columns.push_back(std::move(column));
}

// Nine tables and thirteen foreign keys in the shape of a motor racing database: 74,000 rows over 60 years.
inline std::vector<Table> racing_tables() {
  const int64_t days = 60 * 365;
  const RngKey key(11);
  Table circuits = numbered("circuits", 77), constructors = numbered("constructors", 211);
  Table drivers = numbered("drivers", 857), races = numbered("races", 820, days);
  link(races, circuits, key.with(0));
  std::vector<Table> tables{circuits, constructors, drivers, races};
  struct Shape {
    const char* name;
    int64_t rows;
    bool driver, constructor;
  };
  uint64_t part = 1;
  for (const Shape& shape :
       {Shape{"constructor_results", 9408, false, true}, Shape{"constructor_standings", 10170, false, true},
        Shape{"driver_standings", 28115, true, false}, Shape{"qualifying", 4082, true, true},
        Shape{"results", 20323, true, true}}) {
    Table rows = numbered(shape.name, shape.rows, days);
    link_in_order(rows, races);
    if (shape.driver) link(rows, drivers, key.with(part++), 2);
    if (shape.constructor) link(rows, constructors, key.with(part++), 2);
    tables.push_back(std::move(rows));
  }
  return tables;
}

}  // namespace rle::test
