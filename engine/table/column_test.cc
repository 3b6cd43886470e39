#include "table/column.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "table/table_builder.h"

namespace rle {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Schema, DtypeNamesReadBackAndOthersDont) {
  for (Dtype dtype : {Dtype::kText, Dtype::kInteger, Dtype::kFloat, Dtype::kCategory,
                      Dtype::kMultiCategorical, Dtype::kEmbedding, Dtype::kDatetime})
    EXPECT_EQ(dtype_from_string(to_string(dtype)), dtype);
  EXPECT_EQ(to_string(Dtype::kMultiCategorical), "multi_categorical");
  EXPECT_EQ(dtype_from_string("Integer"), std::nullopt);
  EXPECT_EQ(dtype_from_string(""), std::nullopt);
}

TEST(Schema, KnowsItsKeysAndWhichAreFeatures) {
  TableSchema schema;
  schema.primary_key = "id";
  schema.candidate_keys = {{"code", true}, {"ref", false}};
  schema.foreign_keys = {{"team", "teams", "id", false}, {"city", "cities", "id", true}};
  for (const char* key : {"id", "code", "ref", "team", "city"}) EXPECT_TRUE(schema.is_key(key)) << key;
  EXPECT_FALSE(schema.is_key("name"));
  EXPECT_TRUE(schema.is_feature_key("code"));
  EXPECT_TRUE(schema.is_feature_key("city"));
  for (const char* other : {"id", "ref", "team", "name"}) EXPECT_FALSE(schema.is_feature_key(other)) << other;
}

TEST(StringPool, FindsEveryStringAndNoOther) {
  const std::vector<std::string> texts = {"", "a", "aa", "ab", "b", "\xc3\xa9"};
  const auto pool = pool_of(texts);
  ASSERT_EQ(pool->size(), 6);
  for (const std::string& text : texts) EXPECT_EQ(pool->at(pool->find(text)), text);
  for (const char* other : {"A", "aaa", "c", "\xc3"}) EXPECT_EQ(pool->find(other), -1) << other;
  EXPECT_EQ(StringPool().find("a"), -1);
  EXPECT_EQ(StringPool().size(), 0);
}

TEST(StringPool, RefusesStringsOutOfOrderOrTwice) {
  EXPECT_THROW(StringPool({"b", "a"}), Error);
  EXPECT_THROW(StringPool({"a", "a"}), Error);
}

TEST(Column, DisplaysValuesAsAPersonWritesThem) {
  const int64_t noon = micros_from_civil(2020, 8, 31, 12, 30, 15);
  Column boolean = int_column("b", {1, 0, std::nullopt});
  boolean.arrow_format = "b";
  EXPECT_EQ(boolean.display(0) + boolean.display(1) + boolean.display(2), "truefalsenull");
  EXPECT_EQ(int_column("i", {-7}).display(0), "-7");
  EXPECT_EQ(float_column("f", {0.1}).display(0), "0.1");
  EXPECT_EQ(float_column("f", {3.0}).display(0), "3");
  EXPECT_EQ(time_column("t", {noon}).display(0), "2020-08-31 12:30:15");
  EXPECT_EQ(string_column("s", {"a b"}).display(0), "a b");
  EXPECT_EQ(int_list_column("l", {{{1, 2}}}).display(0), "[1, 2]");
  EXPECT_EQ(string_list_column("l", {{{"y", "x"}}}).display(0), "[y, x]");
  EXPECT_EQ(float_list_column("l", {{{0.5f}}, {{}}}).display(1), "[]");
}

TEST(Column, ComparesNullsLastNanAfterNumbersAndListsLexicographically) {
  const Column floats =
      float_column("f", {-1.0, -0.0, 0.0, std::numeric_limits<double>::infinity(), kNan, std::nullopt});
  const Column lists = int_list_column("l", {{{}}, {{-3}}, {{1}}, {{1, 0}}, {{1, 2}}, {{2}}, std::nullopt});
  const Column strings = string_column("s", {"", "B", "a", "ab", std::nullopt});
  for (const Column* column : {&floats, &lists, &strings})
    for (int64_t a = 0; a < column->rows; ++a)
      for (int64_t b = 0; b < column->rows; ++b)
        EXPECT_EQ(column->compare(a, b), (a > b) - (a < b)) << column->name << " " << a << " " << b;
}

TEST(Column, TakesAllNansAsOneValue) {
  const Column floats =
      float_column("f", {kNan, std::copysign(kNan, -1.0), std::numeric_limits<double>::infinity()});
  EXPECT_EQ(floats.compare(0, 1), 0);
  EXPECT_GT(floats.compare(1, 2), 0);
}

TEST(Column, PermutedTakesRowsInTheGivenOrder) {
  const Column lists = string_list_column("l", {{{"a"}}, std::nullopt, {{"b", "c"}}});
  const Column out = lists.permuted({2, 0, 1, 2});
  ASSERT_EQ(out.rows, 4);
  EXPECT_EQ(out.display(0), "[b, c]");
  EXPECT_EQ(out.display(1), "[a]");
  EXPECT_EQ(out.display(2), "null");
  EXPECT_EQ(out.display(3), "[b, c]");
  EXPECT_EQ(out.null_count(), 1);
}

TEST(Table, FindsColumnsByName) {
  const Table table = make_table("t", {int_column("a", {1}), int_column("b", {2})});
  EXPECT_EQ(table.find("b")->ints[0], 2);
  EXPECT_EQ(table.find("c"), nullptr);
  EXPECT_THROW(table.at("c"), Error);
  EXPECT_EQ(table.column_names(), (std::vector<std::string>{"a", "b"}));
}

// Few distinct values, so that ties occur at every depth.
Table random_table(uint64_t seed, int64_t rows, int kinds) {
  RngStream rng(RngKey(seed).with("table"));
  const auto pick = [&](auto of) {
    Nullable<decltype(of(uint64_t{}))> out;
    for (int64_t i = 0; i < rows; ++i) {
      if (rng.below(6) == 0)
        out.emplace_back(std::nullopt);
      else
        out.emplace_back(of(rng.below(static_cast<uint64_t>(kinds))));
    }
    return out;
  };
  std::vector<Column> columns;
  columns.push_back(string_column("name", pick([](uint64_t k) { return fmt::format("s{}", k); })));
  columns.push_back(int_column("id", pick([](uint64_t k) { return static_cast<int64_t>(k) - 2; })));
  columns.push_back(float_column(
      "x", pick([](uint64_t k) { return k == 0 ? kNan : (k == 1 ? -0.0 : (k == 2 ? 0.0 : -0.5)); })));
  columns.push_back(
      time_column("at", pick([](uint64_t k) { return static_cast<int64_t>(k) * 1000 - 2000; })));
  columns.push_back(int_list_column(
      "ids", pick([](uint64_t k) { return std::vector<int64_t>(k % 3, static_cast<int64_t>(k)); })));
  columns.push_back(string_list_column(
      "tags", pick([](uint64_t k) { return std::vector<std::string>(k % 2, fmt::format("t{}", k)); })));
  columns.push_back(
      float_list_column("v", pick([](uint64_t k) { return std::vector<float>{static_cast<float>(k % 2)}; })));
  return make_table("t", std::move(columns), "at", "id");
}

Table shuffled(const Table& table, uint64_t seed) {
  const Permutation permutation(static_cast<uint64_t>(table.rows), RngKey(seed));
  std::vector<int64_t> order;
  for (int64_t i = 0; i < table.rows; ++i)
    order.push_back(static_cast<int64_t>(permutation.at(static_cast<uint64_t>(i))));
  Table out = table;
  for (Column& column : out.columns) column = column.permuted(order);
  return out;
}

std::string row_text(const Table& table, int64_t row) {
  std::string text;
  for (const Column& column : table.columns) {
    const bool minus_zero =
        column.type == PhysicalType::kFloat64 && std::signbit(column.floats[static_cast<size_t>(row)]);
    text += column.display(row) + (minus_zero ? "(-)" : "") + "|";
  }
  return text;
}

TEST(CanonicalOrder, DoesNotDependOnTheSourceOrder) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    const Table source = random_table(seed, 1500, seed % 2 == 0 ? 4 : 40);
    Table first = source;
    sort_canonically(first);
    for (uint64_t other = 1; other < 4; ++other) {
      const Table mixed = shuffled(source, seed * 10 + other);
      Table second = mixed;
      sort_canonically(second);
      for (int64_t row = 0; row < source.rows; ++row) {
        ASSERT_EQ(row_text(first, row), row_text(second, row)) << "row " << row;
        ASSERT_EQ(row_text(second, row), row_text(mixed, second.source_row(row)));
      }
    }
  }
}

TEST(CanonicalOrder, IsByTimeThenKeyThenTheOthersByName) {
  Table table = random_table(9, 3000, 5);
  sort_canonically(table);
  const std::vector<std::string> by = {"at", "id", "ids", "name", "tags", "v", "x"};
  for (int64_t row = 1; row < table.rows; ++row) {
    int result = 0;
    for (const std::string& name : by)
      if ((result = table.at(name).compare(row - 1, row)) != 0) break;
    ASSERT_LE(result, 0) << "row " << row;
  }
}

TEST(CanonicalOrder, LeavesASortedTableAlone) {
  Table table = make_table(
      "t", {int_column("id", {1, 2, 2, 3, std::nullopt}), string_column("s", {"z", "a", "b", "a", "a"})},
      std::nullopt, "id");
  sort_canonically(table);
  EXPECT_TRUE(table.source_rows.empty());
  EXPECT_EQ(table.source_row(3), 3);
}

TEST(CanonicalOrder, KeepsNamingTheSourceRowWhenSortedAgain) {
  Table table = make_table("t", {int_column("id", {30, 10, 20})}, std::nullopt, "id");
  sort_canonically(table);
  EXPECT_EQ(table.source_rows, (std::vector<int64_t>{1, 2, 0}));
  table.columns[0].ints = {10, 5, 30};
  sort_canonically(table);
  EXPECT_EQ(table.source_rows, (std::vector<int64_t>{2, 1, 0}));
}

TEST(CanonicalOrder, TakesEmptyTablesAndTablesWithoutKeys) {
  Table empty = make_table("t", {int_column("id", {})}, std::nullopt, "id");
  sort_canonically(empty);
  EXPECT_EQ(empty.rows, 0);
  Table plain = make_table("t", {string_column("b", {"x", "x", "w"}), int_column("a", {2, 1, 2})});
  sort_canonically(plain);
  EXPECT_EQ(plain.source_rows, (std::vector<int64_t>{1, 2, 0}));
}

TEST(Column, TruncatedItHoldsItsFirstRows) {
  Column numbers = int_column("a", {1, std::nullopt, 3});
  numbers.truncate(2);
  EXPECT_EQ(numbers.rows, 2);
  EXPECT_EQ(numbers.ints, (Array<int64_t>{1, 0}));
  EXPECT_EQ(numbers.valid, (Array<uint8_t>{1, 0}));
  Column lists = string_list_column("b", {{{"x", "y"}}, {{}}, {{"y"}}});
  lists.truncate(1);
  EXPECT_EQ(lists.offsets, (Array<int64_t>{0, 2}));
  EXPECT_EQ(lists.codes.size(), 2u);
}

}  // namespace
}  // namespace rle
