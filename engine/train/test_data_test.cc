#include "train/test_data.h"

namespace rle::test_data {

Shop make_shop(int64_t customers, uint64_t seed) {
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

TaskSpec shop_task(TaskType type) {
  TaskSpec task;
  task.name = "rich";
  task.type = type;
  task.entity_table = "customers";
  task.entity_column = "who";
  task.target_column = type == TaskType::kRegression ? "mean" : "rich";
  task.time_column = "when";
  return task;
}

Dataset shop_dataset(const Shop& shop, TaskSpec task, ThreadPool& pool, Report& report,
                     std::optional<int64_t> visible_until_us, std::vector<std::string> shallow_embeddings) {
  DatasetInput input;
  input.tables = shop.tables;
  input.task = std::move(task);
  input.train = &shop.train;
  input.validation = &shop.validation;
  input.test = &shop.test;
  input.visible_until_us = visible_until_us;
  input.shallow_embeddings = std::move(shallow_embeddings);
  return build_training_dataset(std::move(input), pool, report);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TrainConfig shop_config() {
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
