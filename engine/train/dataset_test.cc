#include "train/dataset.h"

#include <gtest/gtest.h>

#include "train/checkpoint.h"
#include "train/test_data.h"

namespace rle {
namespace {
using namespace test_data;

const ColumnStatistics& statistics_of(const Dataset& dataset, size_t table, const std::string& column) {
  for (const ColumnStatistics& c : dataset.features[table].statistics().columns)
    if (c.column == column) return c;
  throw std::runtime_error("no column " + column);
}

// Mean of the amounts of orders up to a day.
double mean_amount(const Table& orders, int64_t until_day) {
  double sum = 0, count = 0;
  for (int64_t row = 0; row < orders.rows; ++row) {
    if (orders.at("at").ints[static_cast<size_t>(row)] > day(until_day)) continue;
    sum += orders.at("amount").floats[static_cast<size_t>(row)];
    ++count;
  }
  return sum / count;
}

TrainedModel trained_from(const Dataset& dataset) {
  TrainedModel trained;
  trained.definition = make_definition(dataset, shop_config());
  trained.tables = dataset.tables;
  trained.task = dataset.task;
  trained.encoding = dataset.encoding;
  trained.last_training_time_us = dataset.last_training_time_us;
  return trained;
}

TEST(Dataset, StatisticsSeeNothingAfterTheLastTrainingTime) {
  const Shop shop = make_shop();
  ThreadPool pool(2);
  ReportLines report;
  const Dataset dataset = shop_dataset(shop, shop_task(), pool, report);
  EXPECT_EQ(dataset.last_training_time_us, day(70));
  EXPECT_NEAR(statistics_of(dataset, 1, "amount").mean, mean_amount(shop.tables[1], 70), 1e-9);
  EXPECT_EQ(dataset.graph.schema().node_types[1].nodes, shop.tables[1].rows);
  EXPECT_EQ(dataset.task.entity_key, "id");
  EXPECT_EQ(dataset.train->rows, 180);
  EXPECT_TRUE(dataset.test->labelled);
}

TEST(Dataset, FrozenHistoryHasNoLaterRows) {
  const Shop shop = make_shop();
  ThreadPool pool(1);
  ReportLines report;
  const Dataset dataset = shop_dataset(shop, shop_task(), pool, report, day(40));
  const NodeTypeId orders = dataset.graph.schema().find_node_type("orders");
  const int64_t nodes = dataset.graph.schema().node_types[orders.index()].nodes;
  EXPECT_LT(nodes, shop.tables[1].rows);
  EXPECT_GT(nodes, 0);
  for (int64_t node = 0; node < nodes; ++node)
    EXPECT_LE(dataset.graph.node_time_us(orders, static_cast<NodeId>(node)), day(40));
  EXPECT_NEAR(statistics_of(dataset, 1, "amount").mean, mean_amount(shop.tables[1], 40), 1e-9);
  EXPECT_EQ(dataset.features[1].rows(), nodes);
  EXPECT_EQ(dataset.graph.schema().node_types[0].nodes, shop.tables[0].rows);
  EXPECT_EQ(dataset.last_training_time_us, day(70));
}

TEST(Dataset, SourceRowsAreKeptOnlyWhereAskedFor) {
  const Shop shop = make_shop();
  ThreadPool pool(1);
  ReportLines report;
  EXPECT_TRUE(shop_dataset(shop, shop_task(), pool, report).source_rows.empty());
  DatasetInput input;
  input.tables = shop.tables;
  input.task = shop_task();
  input.train = &shop.train;
  input.visible_until_us = day(40);
  input.keep_source_rows = true;
  const Dataset dataset = build_training_dataset(std::move(input), pool, report);
  ASSERT_EQ(dataset.source_rows.size(), 2u);
  // The first nodes of the frozen table are the first rows of the canonical one.
  ASSERT_EQ(static_cast<int64_t>(dataset.source_rows[1].size()), dataset.graph.schema().node_types[1].nodes);
  for (size_t node = 0; node < dataset.source_rows[1].size(); ++node)
    EXPECT_EQ(dataset.source_rows[1][node], shop.tables[1].source_row(static_cast<int64_t>(node)));
  EXPECT_FALSE(std::is_sorted(dataset.source_rows[1].begin(), dataset.source_rows[1].end()));
}

TEST(Dataset, DropKeepsRowsWithoutTimeAndTheirSourcePositions) {
  Table table = test_data::table(schema("t", "at"),
                                 {times("at", {day(3), day(1), 0, day(2)}), ints("x", {3, 1, 9, 2})});
  table.columns[0].valid = {1, 1, 0, 1};
  sort_canonically(table);
  EXPECT_EQ(drop_rows_after(table, day(2)), 1);
  EXPECT_EQ(table.at("x").ints, (std::vector<int64_t>{1, 2, 9}));
  EXPECT_EQ(table.source_rows, (std::vector<int64_t>{1, 3, 2}));
  EXPECT_EQ(table.rows, 3);
  Table known =
      test_data::table(schema("t", "at"), {times("at", {day(1), day(2), day(3)}), ints("x", {1, 2, 3})});
  EXPECT_EQ(drop_rows_after(known, day(2)), 1);
  EXPECT_EQ(known.at("x").ints, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(known.at("at").rows, 2);
  Table timeless = test_data::table(schema("t"), {times("at", {day(3)})});
  EXPECT_EQ(drop_rows_after(timeless, 0), 0);
  EXPECT_EQ(timeless.rows, 1);
}

TEST(Dataset, InferenceUsesTheModelsStatistics) {
  const Shop shop = make_shop(60, 1), later = make_shop(30, 2);
  ThreadPool pool(1);
  ReportLines report;
  const Dataset before = shop_dataset(shop, shop_task(), pool, report);
  DatasetInput input;
  input.tables = {later.tables[1], later.tables[0]};  // in another order
  Table unlabelled = later.test;
  std::erase_if(unlabelled.columns, [](const Column& c) { return c.name == "rich"; });
  input.test = &unlabelled;
  const Dataset dataset = build_inference_dataset(std::move(input), trained_from(before), pool, report);
  EXPECT_EQ(dataset.graph.schema().node_types[0].name, "customers");
  EXPECT_EQ(statistics_of(dataset, 1, "amount").mean, statistics_of(before, 1, "amount").mean);
  EXPECT_EQ(dataset.features[1].rows(), later.tables[1].rows);
  EXPECT_EQ(dataset.test->rows, 30);
  EXPECT_FALSE(dataset.test->labelled);
  EXPECT_EQ(dataset.encoding.classes, before.encoding.classes);
}

TEST(Dataset, InferenceRefusesAnotherSchema) {
  const Shop shop = make_shop(10);
  ThreadPool pool(1);
  ReportLines report;
  const TrainedModel trained = trained_from(shop_dataset(shop, shop_task(), pool, report));
  DatasetInput input;
  input.tables = {shop.tables[0]};
  const std::string message =
      error_of([&] { build_inference_dataset(std::move(input), trained, pool, report); }, ErrorCode::kSpec);
  EXPECT_TRUE(contains(message, "table 'orders' is missing")) << message;
}

TEST(Dataset, NamesTheMissingEntityTable) {
  const Shop shop = make_shop(10);
  ThreadPool pool(1);
  ReportLines report;
  TaskSpec task = shop_task();
  task.entity_table = "customer";
  const std::string message = error_of([&] { shop_dataset(shop, task, pool, report); }, ErrorCode::kSpec);
  EXPECT_TRUE(contains(message, "'customer'") && contains(message, "did you mean 'customers'?")) << message;
}

TEST(Dataset, DefinitionFollowsTaskAndConfiguration) {
  const Shop shop = make_shop(10);
  ThreadPool pool(1);
  ReportLines report;
  TaskSpec task = shop_task(TaskType::kMulticlass);
  const Dataset dataset = shop_dataset(shop, task, pool, report);
  const ModelDefinition definition = make_definition(dataset, shop_config());
  EXPECT_EQ(definition.outputs, 2);
  EXPECT_TRUE(definition.task_has_time);
  EXPECT_EQ(definition.config.channels, 16);
  EXPECT_EQ(definition.statistics.size(), 2u);
  EXPECT_EQ(definition.entity_type, NodeTypeId(0));
}

}  // namespace
}  // namespace rle
