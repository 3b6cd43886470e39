// A small shop for the tests of this folder: customers and their orders. A customer spends much or little;
// his orders show it.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "table/column.h"
#include "task/task.h"
#include "train/dataset.h"

namespace rle::test_data {

inline Column scalar(std::string name, PhysicalType type, std::string format, int64_t rows) {
  Column column;
  column.name = std::move(name);
  column.type = type;
  column.arrow_format = std::move(format);
  column.rows = rows;
  return column;
}
inline Column ints(std::string name, std::vector<int64_t> values, std::string format = "l") {
  Column column =
      scalar(std::move(name), PhysicalType::kInt64, std::move(format), static_cast<int64_t>(values.size()));
  column.ints = std::move(values);
  return column;
}
inline Column floats(std::string name, std::vector<double> values) {
  Column column = scalar(std::move(name), PhysicalType::kFloat64, "g", static_cast<int64_t>(values.size()));
  column.floats = std::move(values);
  return column;
}
inline Column times(std::string name, std::vector<int64_t> values) {
  Column column =
      scalar(std::move(name), PhysicalType::kTimestamp, "tsu:", static_cast<int64_t>(values.size()));
  column.ints = std::move(values);
  return column;
}
inline Column strings(std::string name, const std::vector<std::string>& values) {
  Column column = scalar(std::move(name), PhysicalType::kString, "u", static_cast<int64_t>(values.size()));
  std::vector<std::string_view> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  column.strings = std::make_shared<StringPool>(sorted);
  for (const std::string& value : values) column.codes.edit().push_back(column.strings->find(value));
  return column;
}
inline TableSchema schema(std::string name, std::optional<std::string> time_column = {},
                          std::optional<std::string> primary_key = {}) {
  TableSchema out;
  out.name = std::move(name);
  out.time_column = std::move(time_column);
  out.primary_key = std::move(primary_key);
  return out;
}
inline Table table(TableSchema schema, std::vector<Column> columns) {
  Table out;
  out.rows = columns.front().rows;
  out.schema = std::move(schema);
  out.columns = std::move(columns);
  return out;
}

constexpr int64_t day(int64_t n) { return n * kMicrosPerDay; }

struct Shop {
  std::vector<Table> tables;  // canonical
  Table train, validation, test;
};

// Labels: binary "rich" (spends much), regression "mean" (what he spends).
Shop make_shop(int64_t customers = 60, uint64_t seed = 1);
TaskSpec shop_task(TaskType type = TaskType::kBinary);
Dataset shop_dataset(const Shop& shop, TaskSpec task, ThreadPool& pool, Report& report,
                     std::optional<int64_t> visible_until_us = std::nullopt,
                     std::vector<std::string> shallow_embeddings = {});

// The message of the rle::Error that `call` throws; "" where it throws none.
template <typename Call>
std::string error_of(Call&& call, ErrorCode code) {
  try {
    call();
  } catch (const Error& error) {
    return error.code() == code ? error.what() : std::string("wrong code: ") + error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part);
TrainConfig shop_config();

}  // namespace rle::test_data
