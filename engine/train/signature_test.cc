#include "train/signature.h"

#include <gtest/gtest.h>

#include "train/test_data.h"

namespace rle {
namespace {
using namespace test_data;

struct Trained {
  Shop shop = make_shop(4);
  std::vector<TableSignature> tables;
  Trained() {
    ReportLines report;
    for (const Table& t : shop.tables) {
      const TableStatistics statistics = fit_statistics(t, {}, report);
      tables.push_back(table_signature(t, &statistics));
    }
  }
  // The only difference, or all of them joined.
  std::string difference() const {
    std::string all;
    for (const std::string& line : schema_differences(tables, shop.tables))
      all += (all.empty() ? "" : "\n") + line;
    return all;
  }
};

Column& column(Table& table, const std::string& name) {
  return *std::find_if(table.columns.begin(), table.columns.end(),
                       [&](const Column& c) { return c.name == name; });
}

TEST(Signature, KeepsUsedColumnsAndNoSource) {
  Shop shop = make_shop(4);
  shop.tables[1].schema.source = "data/orders.parquet";
  ReportLines report;
  const TableStatistics statistics = fit_statistics(shop.tables[1], {}, report);
  const TableSignature signature = table_signature(shop.tables[1], &statistics);
  EXPECT_EQ(signature.schema.source, "");
  std::vector<std::string> names, features;
  for (const ColumnSignature& c : signature.columns) names.push_back(c.name);
  for (const ColumnSpec& c : signature.schema.columns) features.push_back(c.name);
  EXPECT_EQ(names, (std::vector<std::string>{"amount", "at", "customer", "kind", "order_id"}));
  EXPECT_EQ(std::count(features.begin(), features.end(), "customer"), 0);
  EXPECT_EQ(std::count(features.begin(), features.end(), "kind"), 1);
  EXPECT_FALSE(signature.schema.all_columns);
}

TEST(CompareSchema, EqualTablesInAnyOrderWithFurtherColumns) {
  Trained trained;
  EXPECT_EQ(trained.difference(), "");
  trained.shop.tables[0].columns.push_back(ints("extra", {1, 2, 3, 4}));
  std::swap(trained.shop.tables[0], trained.shop.tables[1]);
  EXPECT_EQ(trained.difference(), "");
  EXPECT_NO_THROW(compare_schema(trained.tables, trained.shop.tables));
}

TEST(CompareSchema, NamesEachDifference) {
  Trained trained;
  Table& customers = trained.shop.tables[0];
  Table& orders = trained.shop.tables[1];
  customers.schema.time_column = "since";
  orders.schema.primary_key = std::nullopt;
  orders.schema.foreign_keys[0].column = "buyer";
  column(orders, "amount").name = "amounts";
  column(orders, "kind") = ints("kind", std::vector<int64_t>(static_cast<size_t>(orders.rows), 1));
  trained.shop.tables.push_back(table(schema("returns"), {ints("id", {1})}));
  EXPECT_EQ(
      trained.difference(),
      "table 'customers': its time column is 'since', the model was trained with none\n"
      "table 'orders': its primary key is none, the model was trained with 'order_id'\n"
      "table 'orders': foreign key 'customer' -> customers.id is missing, the model was trained with it\n"
      "table 'orders': foreign key 'buyer' -> customers.id is new, the model was trained without it\n"
      "table 'orders': column 'amount' (float) is missing; did you mean 'amounts'?\n"
      "table 'orders': column 'kind' is of type integer, the model was trained with string\n"
      "table 'returns' is new, the model was trained without it");
  const std::string message =
      error_of([&] { compare_schema(trained.tables, trained.shop.tables); }, ErrorCode::kSpec);
  EXPECT_TRUE(contains(message, "table 'returns' is new")) << message;
}

TEST(CompareSchema, AMissingTable) {
  Trained trained;
  trained.shop.tables[1].schema.name = "order";
  EXPECT_TRUE(contains(trained.difference(), "table 'orders' is missing; did you mean 'order'?"));
}

TEST(CompareSchema, FeatureNumbersMayChangeTheirKindKeysMayNot) {
  Trained trained;
  Table& orders = trained.shop.tables[1];
  const auto rows = static_cast<size_t>(orders.rows);
  column(orders, "amount") = ints("amount", std::vector<int64_t>(rows, 1));
  EXPECT_EQ(trained.difference(), "");
  column(orders, "customer") = floats("customer", std::vector<double>(rows, 1));
  EXPECT_EQ(trained.difference(),
            "table 'orders': column 'customer' is of type float, the model was trained with integer");
}

}  // namespace
}  // namespace rle
