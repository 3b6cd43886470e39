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
  for (const std::string& value : values) column.codes.push_back(column.strings->find(value));
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
inline Shop make_shop(int64_t customers = 60, uint64_t seed = 1) {
  RngStream stream{RngKey(seed)};
  Shop shop;
  std::vector<int64_t> id, order_id, customer, time;
  std::vector<double> amount;
  std::vector<std::string> segment, kind;
  std::vector<bool> rich;
  for (int64_t c = 0; c < customers; ++c) {
    id.push_back(100 + c);
    rich.push_back(stream.below(2) == 1);
    segment.push_back(stream.below(2) == 1 ? "new" : "old");
    for (int64_t o = 0; o < 12; ++o) {
      order_id.push_back(static_cast<int64_t>(order_id.size()));
      customer.push_back(100 + c);
      time.push_back(day(static_cast<int64_t>(stream.below(100))));
      amount.push_back((rich.back() ? 30.0 : 20.0) + 4 * stream.normal());
      kind.push_back(stream.below(3) == 0 ? "book" : stream.below(2) == 0 ? "pen" : "cup");
    }
  }
  TableSchema customers_schema, orders_schema;
  customers_schema.name = "customers";
  customers_schema.primary_key = "id";
  customers_schema.columns = {{"segment", Dtype::kCategory}};
  orders_schema.name = "orders";
  orders_schema.primary_key = "order_id";
  orders_schema.time_column = "at";
  orders_schema.foreign_keys = {{"customer", "customers", "id"}};
  orders_schema.columns = {{"kind", Dtype::kCategory}, {"amount", Dtype::kFloat}};
  shop.tables.push_back(table(customers_schema, {ints("id", id), strings("segment", segment)}));
  shop.tables.push_back(
      table(orders_schema, {ints("order_id", order_id), ints("customer", customer), times("at", time),
                            floats("amount", amount), strings("kind", kind)}));
  for (Table& t : shop.tables) sort_canonically(t);

  const auto labels = [&](std::string name, std::vector<int64_t> days) {
    std::vector<int64_t> who, when, is_rich;
    std::vector<double> mean;
    for (int64_t d : days) {
      for (int64_t c = 0; c < customers; ++c) {
        who.push_back(100 + c);
        when.push_back(day(d));
        is_rich.push_back(rich[static_cast<size_t>(c)]);
        mean.push_back(rich[static_cast<size_t>(c)] ? 30 : 20);
      }
    }
    TableSchema schema;
    schema.name = std::move(name);
    return table(schema,
                 {ints("who", who, "i"), times("when", when), ints("rich", is_rich), floats("mean", mean)});
  };
  shop.train = labels("train", {60, 65, 70});
  shop.validation = labels("validation", {80});
  shop.test = labels("test", {90});
  return shop;
}

inline TaskSpec shop_task(TaskType type = TaskType::kBinary) {
  TaskSpec task;
  task.name = "rich";
  task.type = type;
  task.entity_table = "customers";
  task.entity_column = "who";
  task.target_column = type == TaskType::kRegression ? "mean" : "rich";
  task.time_column = "when";
  return task;
}

inline Dataset shop_dataset(const Shop& shop, TaskSpec task, ThreadPool& pool, Report& report,
                            std::optional<int64_t> visible_until_us = std::nullopt) {
  DatasetInput input;
  input.tables = shop.tables;
  input.task = std::move(task);
  input.train = &shop.train;
  input.validation = &shop.validation;
  input.test = &shop.test;
  input.visible_until_us = visible_until_us;
  return build_training_dataset(std::move(input), pool, report);
}

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

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline TrainConfig shop_config() {
  TrainConfig config;
  config.seed = 7;
  config.n_epochs = 6;
  config.train_batch_size = 32;
  config.val_batch_size = 25;
  config.lr = 0.01;
  config.model.channels = 16;
  config.model.encoder_blocks = 1;
  config.model.gnn_layers = 2;
  config.sampler.fanouts = {8, 4};
  return config;
}

}  // namespace rle::test_data
