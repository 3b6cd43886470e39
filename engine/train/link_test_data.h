// A small shop for tests of link tasks: customers buy products of their own taste, and often the same ones
// again. Half of the products come late.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "train/test_data.h"

namespace rle::test_data {

struct LinkShop {
  std::vector<Table> tables;      // customers, products, orders; canonical
  Table train, validation, test;  // who, when, what (list): bought within kWindow after `when`
};

inline constexpr int64_t kLinkCustomers = 40, kLinkProducts = 24, kLinkWindow = 10;

inline Column int_lists(std::string name, const std::vector<std::vector<int64_t>>& rows) {
  Column column = scalar(std::move(name), PhysicalType::kIntList, "l", static_cast<int64_t>(rows.size()));
  column.offsets.edit().push_back(0);
  for (const std::vector<int64_t>& row : rows) {
    for (const int64_t value : row) column.ints.edit().push_back(value);
    column.offsets.edit().push_back(static_cast<int64_t>(column.ints.size()));
  }
  return column;
}

struct LinkOrder {
  int64_t customer, product, day;
};

inline int64_t link_product_day(int64_t product) { return product % 2 == 0 ? 0 : 3 * product; }

inline std::vector<LinkOrder> link_orders(uint64_t seed) {
  RngStream stream{RngKey(seed)};
  std::vector<LinkOrder> orders;
  for (int64_t c = 0; c < kLinkCustomers; ++c) {
    std::vector<int64_t> bought;
    for (int64_t d = static_cast<int64_t>(stream.below(6)); d < 120;
         d += 1 + static_cast<int64_t>(stream.below(8))) {
      int64_t product = static_cast<int64_t>(stream.below(kLinkProducts / 4)) * 4 + c % 4;  // of his taste
      if (!bought.empty() && stream.below(2) == 0) product = bought[stream.below(bought.size())];
      if (link_product_day(product) > d) continue;
      bought.push_back(product);
      orders.push_back({c, product, d});
    }
  }
  return orders;
}

inline Table link_label_table(std::string name, const std::vector<int64_t>& who,
                              const std::vector<int64_t>& when,
                              const std::vector<std::vector<int64_t>>& what) {
  TableSchema schema;
  schema.name = std::move(name);
  return table(schema, {ints("who", who), times("when", when), int_lists("what", what)});
}

inline Table link_labels(std::string name, const std::vector<LinkOrder>& orders,
                         const std::vector<int64_t>& days) {
  std::vector<int64_t> who, when;
  std::vector<std::vector<int64_t>> what;
  for (const int64_t d : days)
    for (int64_t c = 0; c < kLinkCustomers; ++c) {
      std::set<int64_t> bought;
      for (const LinkOrder& order : orders)
        if (order.customer == c && order.day > d && order.day <= d + kLinkWindow)
          bought.insert(500 + order.product);
      who.push_back(100 + c);
      when.push_back(day(d));
      what.emplace_back(bought.begin(), bought.end());
    }
  return link_label_table(std::move(name), who, when, what);
}

inline LinkShop make_link_shop(uint64_t seed = 1) {
  const std::vector<LinkOrder> orders = link_orders(seed);
  std::vector<int64_t> customer_id, product_id, order_customer, order_product, at, added;
  std::vector<std::string> colour;
  for (int64_t c = 0; c < kLinkCustomers; ++c) customer_id.push_back(100 + c);
  for (int64_t p = 0; p < kLinkProducts; ++p) {
    product_id.push_back(500 + p);
    added.push_back(day(link_product_day(p)));
    colour.push_back(std::vector<std::string>{"red", "green", "blue", "grey"}[static_cast<size_t>(p % 4)]);
  }
  for (const LinkOrder& order : orders) {
    order_customer.push_back(100 + order.customer);
    order_product.push_back(500 + order.product);
    at.push_back(day(order.day));
  }
  TableSchema of_orders = schema("orders", "at");
  of_orders.foreign_keys = {{"customer", "customers", "id"}, {"product", "products", "id"}};
  TableSchema of_products = schema("products", "added", "id");
  of_products.columns = {{"colour", Dtype::kCategory}};
  LinkShop shop;
  shop.tables.push_back(table(schema("customers", {}, "id"), {ints("id", customer_id)}));
  shop.tables.push_back(
      table(of_products, {ints("id", product_id), times("added", added), strings("colour", colour)}));
  shop.tables.push_back(
      table(of_orders, {ints("customer", order_customer), ints("product", order_product), times("at", at)}));
  for (Table& t : shop.tables) sort_canonically(t);
  shop.train = link_labels("train", orders, {30, 45, 60});
  shop.validation = link_labels("validation", orders, {80});
  shop.test = link_labels("test", orders, {100});
  return shop;
}

inline TaskSpec link_task(TaskType type = TaskType::kLinkPrediction) {
  TaskSpec task;
  task.name = "buys";
  task.type = type;
  task.entity_table = "customers";
  task.entity_column = "who";
  task.target_table = "products";
  task.target_key = "id";
  task.target_column = "what";
  task.time_column = "when";
  task.eval_k = 5;
  return task;
}

inline Dataset link_dataset(const LinkShop& shop, TaskSpec task, ThreadPool& pool, Report& report) {
  DatasetInput input;
  input.tables = shop.tables;
  input.task = std::move(task);
  input.train = &shop.train;
  input.validation = &shop.validation;
  input.test = &shop.test;
  return build_training_dataset(std::move(input), pool, report);
}

inline TrainConfig link_config(Readout readout = Readout::kTowers) {
  TrainConfig config = shop_config();
  config.n_epochs = 8;
  config.num_negative = 4;
  config.model.link_fusion = readout == Readout::kFusion;
  config.model.gnn_layers = 2;
  config.sampler.fanouts = {16, 8};
  return config;
}

}  // namespace rle::test_data
