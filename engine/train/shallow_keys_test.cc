#include "train/shallow_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "train/checkpoint_json.h"
#include "train/evaluate.h"
#include "train/fit.h"
#include "train/test_data.h"

namespace rle {
namespace {
using namespace test_data;

// The shop with customers that are told apart by their embeddings, of whom only some are used.
class ShallowEmbeddings : public testing::Test {
 protected:
  ShallowEmbeddings() : pool_(2) {}

  static TrainConfig config(std::vector<std::string> tables) {
    TrainConfig config = shop_config();
    config.n_epochs = 2;
    config.sampler.fanouts = {100, 100};  // all neighbours: no draw depends on other rows
    config.model.shallow_embeddings = std::move(tables);
    return config;
  }

  TrainedModel train(const Shop& shop, const TrainConfig& config,
                     std::optional<int64_t> visible_until_us = std::nullopt) {
    const Dataset dataset =
        shop_dataset(shop, shop_task(), pool_, report_, visible_until_us, config.model.shallow_embeddings);
    return make_trained_model(dataset, config, fit(dataset, config, pool_, report_));
  }

  // Scores of the test table's rows, from the file's content.
  std::vector<double> scores(const TrainedModel& saved, const Shop& shop) {
    const TrainedModel model = from_safetensors(to_safetensors(saved), "model");
    DatasetInput input;
    input.tables = shop.tables;
    input.test = &shop.test;
    const Dataset dataset = build_inference_dataset(std::move(input), model, pool_, infer_report_);
    ScoreOptions options;
    options.sampler = model.config.sampler;
    options.bounds = model.bounds;
    return score_rows(*restore_model(model), dataset, *dataset.test, options, pool_);
  }

  bool reported(const std::string& part) const {
    return std::any_of(infer_report_.lines().begin(), infer_report_.lines().end(),
                       [&](const auto& line) { return contains(line.text, part); });
  }

  ThreadPool pool_;
  ReportLines report_, infer_report_;
};

Table& customers(Shop& shop) { return shop.tables[0]; }
Table& orders(Shop& shop) { return shop.tables[1]; }

Table without_row(Table table, int64_t gone) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < table.rows; ++row)
    if (row != gone) rows.push_back(row);
  for (Column& column : table.columns) column = column.permuted(rows);
  table.rows = static_cast<int64_t>(rows.size());
  table.source_rows = {};
  return table;
}

// Before all others in the order of keys, with neither orders nor labels.
void insert_first_customer(Shop& shop) {
  std::vector<int64_t> ids{5};
  std::vector<std::string> segments{"old"};
  const Table& table = customers(shop);
  for (int64_t row = 0; row < table.rows; ++row) {
    ids.push_back(table.at("id").ints[static_cast<size_t>(row)]);
    segments.push_back(table.at("segment").display(row));
  }
  Table grown = rle::test_data::table(table.schema, {ints("id", ids), strings("segment", segments)});
  sort_canonically(grown);
  customers(shop) = grown;
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5) << i;
}

TEST_F(ShallowEmbeddings, AnInsertedCustomerChangesNoPredictionOfOthers) {
  Shop shop = make_shop(20);
  const TrainedModel model = train(shop, config({"customers"}));
  const std::vector<double> before = scores(model, shop);
  EXPECT_FALSE(reported("no shallow embedding"));
  insert_first_customer(shop);
  expect_near(scores(model, shop), before);
  EXPECT_TRUE(reported("have no shallow embedding: 1 of 21 in 'customers'"));

  TrainedModel rotated = model;  // embeddings matter: those of others give other predictions
  std::vector<int64_t>& keys = rotated.shallow_keys.at(0).keys.ints.edit();
  std::rotate(keys.begin(), keys.begin() + 1, keys.end());
  const std::vector<double> other = scores(rotated, shop);
  double largest = 0;
  for (size_t i = 0; i < other.size(); ++i) largest = std::max(largest, std::abs(other[i] - before[i]));
  EXPECT_GT(largest, 1e-3);
}

TEST_F(ShallowEmbeddings, ARemovedCustomerChangesNoPredictionOfOthers) {
  Shop shop = make_shop(20);
  const TrainedModel model = train(shop, config({"customers"}));
  std::vector<double> before = scores(model, shop);
  const auto at = [&](int64_t row) { return shop.test.at("who").ints[static_cast<size_t>(row)]; };
  ASSERT_EQ(at(3), 103);
  customers(shop) = without_row(customers(shop), 3);
  Table& rows = orders(shop);
  for (int64_t row = rows.rows; row-- > 0;)
    if (rows.at("customer").ints[static_cast<size_t>(row)] == 103) rows = without_row(rows, row);
  shop.test = without_row(shop.test, 3);
  before.erase(before.begin() + 3);
  expect_near(scores(model, shop), before);
  EXPECT_FALSE(reported("no shallow embedding"));
}

TEST_F(ShallowEmbeddings, StringKeys) {
  const auto named = [](Column& column) {
    std::vector<std::string> texts;
    for (int64_t key : column.ints) texts.push_back(fmt::format("c{}", key));
    column = strings(column.name, texts);
  };
  Shop shop = make_shop(20);
  Shop grown = shop;
  insert_first_customer(grown);
  for (Shop* s : {&shop, &grown}) {
    named(customers(*s).columns[0]);
    named(orders(*s).columns[1]);
    for (Table* split : {&s->train, &s->validation, &s->test}) named(split->columns[0]);
    for (Table& t : s->tables) sort_canonically(t);
  }
  const TrainedModel model = train(shop, config({"customers"}));
  EXPECT_EQ(model.shallow_keys.at(0).keys.display(0), "c100");
  expect_near(scores(model, grown), scores(model, shop));
  EXPECT_TRUE(reported("1 of 21 in 'customers'"));
}

TEST_F(ShallowEmbeddings, OnlyRowsThatTrainingSeesHaveOne) {
  const Shop shop = make_shop(20);
  const auto content = [&](const Shop& data, std::optional<int64_t> until) {
    const TrainedModel model = train(data, config({"orders"}), until);
    std::vector<std::vector<uint8_t>> out;
    for (const NamedTensor& tensor : to_safetensors(model).tensors) out.push_back(tensor.bytes);
    const std::string text = describe_model(model);
    out.emplace_back(text.begin(), text.end());
    return out;
  };
  Shop cut = shop;  // without what is later than all seeds
  EXPECT_GT(drop_rows_after(orders(cut), day(90)), 0);
  EXPECT_EQ(content(cut, std::nullopt), content(shop, std::nullopt));
  EXPECT_EQ(content(cut, day(75)), content(shop, day(75)));

  const TrainedModel model = train(shop, config({"orders"}), day(50));
  Shop seen = shop;
  drop_rows_after(orders(seen), day(50));
  const Column& keys = model.shallow_keys.at(0).keys;
  EXPECT_EQ(keys.ints, orders(seen).at("order_id").ints);
  EXPECT_EQ(model.definition.graph.node_types[1].nodes, orders(seen).rows);
  scores(model, seen);
  EXPECT_FALSE(reported("no shallow embedding"));
  scores(model, shop);  // all of history
  EXPECT_TRUE(reported(
      fmt::format("{} of {} in 'orders'", shop.tables[1].rows - orders(seen).rows, shop.tables[1].rows)));
}

TEST_F(ShallowEmbeddings, RefusesTablesWithoutAKey) {
  Shop shop = make_shop(6);
  orders(shop).schema.primary_key.reset();
  const auto refusal = [&](const std::string& name) {
    return error_of([&] { shop_dataset(shop, shop_task(), pool_, report_, std::nullopt, {name}); },
                    ErrorCode::kSpec);
  };
  EXPECT_TRUE(contains(refusal("orders"), "table 'orders' has no primary key")) << refusal("orders");
  EXPECT_TRUE(contains(refusal("order"), "there is no table 'order'")) << refusal("order");
}

}  // namespace
}  // namespace rle
