// Small literal tables for the tests of task/.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "task/task.h"

namespace rle::testing_task {

inline Column column(std::string name, PhysicalType type, size_t rows, std::string format) {
  Column result;
  result.name = std::move(name);
  result.type = type;
  result.rows = static_cast<int64_t>(rows);
  result.arrow_format = std::move(format);
  return result;
}

inline Column ints(std::string name, std::vector<int64_t> values, std::string format = "l") {
  Column result = column(std::move(name), PhysicalType::kInt64, values.size(), std::move(format));
  result.ints = std::move(values);
  return result;
}

// In days since 1970-01-01.
inline Column days(std::string name, const std::vector<int64_t>& values) {
  Column result = column(std::move(name), PhysicalType::kTimestamp, values.size(), "tsu:");
  for (int64_t day : values) result.ints.edit().push_back(day * kMicrosPerDay);
  return result;
}

inline Column floats(std::string name, std::vector<double> values) {
  Column result = column(std::move(name), PhysicalType::kFloat64, values.size(), "g");
  result.floats = std::move(values);
  return result;
}

inline Column strings(std::string name, const std::vector<std::string>& values) {
  Column result = column(std::move(name), PhysicalType::kString, values.size(), "u");
  std::vector<std::string_view> pool(values.begin(), values.end());
  std::sort(pool.begin(), pool.end());
  pool.erase(std::unique(pool.begin(), pool.end()), pool.end());
  result.strings = std::make_shared<StringPool>(pool);
  for (const std::string& value : values) result.codes.edit().push_back(result.strings->find(value));
  return result;
}

inline Column int_lists(std::string name, const std::vector<std::vector<int64_t>>& values) {
  Column result = column(std::move(name), PhysicalType::kIntList, values.size(), "+l");
  result.offsets.edit().push_back(0);
  for (const std::vector<int64_t>& list : values) {
    result.ints.edit().insert(result.ints.edit().end(), list.begin(), list.end());
    result.offsets.edit().push_back(static_cast<int64_t>(result.ints.size()));
  }
  return result;
}

inline Column with_nulls(Column column, const std::vector<int64_t>& rows) {
  column.valid.edit().assign(static_cast<size_t>(column.rows), 1);
  for (int64_t row : rows) column.valid.edit()[static_cast<size_t>(row)] = 0;
  return column;
}

inline Table table(std::string name, std::vector<Column> columns) {
  Table result;
  result.schema.name = std::move(name);
  result.rows = columns.front().rows;
  result.columns = std::move(columns);
  return result;
}

inline TaskSpec task(TaskType type) {
  TaskSpec spec;
  spec.name = "points";
  spec.type = type;
  spec.entity_table = "drivers";
  spec.entity_column = "driver";
  spec.entity_key = "id";
  spec.target_column = "label";
  spec.time_column = "date";
  return spec;
}

// Calls body, which must throw Error of the code whose message has every part.
template <typename Body>
void expect_error(ErrorCode code, const std::vector<std::string>& parts, Body body) {
  try {
    body();
    ADD_FAILURE() << "no error; expected one with: " << parts.front();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    for (const std::string& part : parts)
      EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos)
          << "'" << part << "' is not in: " << error.what();
  }
}

inline bool has_line(const ReportLines& report, Severity severity, std::string_view part) {
  return std::any_of(report.lines().begin(), report.lines().end(), [&](const ReportLines::Line& line) {
    return line.severity == severity && line.text.find(part) != std::string::npos;
  });
}

}  // namespace rle::testing_task
