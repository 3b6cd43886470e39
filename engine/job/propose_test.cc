#include "job/propose.h"

#include <gtest/gtest.h>

#include "job/inspect.h"
#include "job/job_spec.h"

namespace rle {
namespace {

CandidateColumn integers(const std::string& name, std::vector<int64_t> distinct, int64_t rows,
                         int64_t nulls = 0) {
  return {name, ColumnFamily::kInteger, {std::move(distinct), {}, nulls, rows}};
}

CandidateColumn texts(const std::string& name, std::vector<std::string> distinct, int64_t rows) {
  return {name, ColumnFamily::kText, {{}, std::move(distinct), 0, rows}};
}

CandidateColumn date(const std::string& name) { return {name, ColumnFamily::kDate, {}}; }

ProposedTable table(const std::string& name, int64_t rows, std::vector<CandidateColumn> columns) {
  ProposedTable out;
  out.name = name;
  out.source = name + ".csv";
  out.rows = rows;
  out.columns = std::move(columns);
  return out;
}

// customers (id), order_items (customer, product_code), products (code)
std::vector<ProposedTable> shop() {
  std::vector<ProposedTable> tables;
  tables.push_back(table(
      "customers", 3, {integers("age", {20, 30, 40}, 3), integers("id", {1, 2, 3}, 3), date("birth_date")}));
  tables.push_back(table(
      "order_items", 4,
      {integers("line", {1, 2}, 4), integers("customer_id", {1, 3}, 4), texts("product_code", {"a", "b"}, 4),
       integers("quantity", {1, 2}, 4), date("updated_at"), date("created_at")}));
  tables.push_back(table("products", 2, {texts("code", {"a", "b"}, 2), texts("productCode", {"a", "b"}, 2)}));
  propose_keys(tables);
  return tables;
}

TEST(Propose, PrimaryKeysAreUniqueAndNamedLikeOne) {
  const std::vector<ProposedTable> tables = shop();
  EXPECT_EQ(tables[0].primary_key, "id") << "age is unique too, and first";
  EXPECT_EQ(tables[1].primary_key, std::nullopt);
  EXPECT_EQ(tables[2].primary_key, "productCode");
}

TEST(Propose, NullsAndRepeatsAreNoKeys) {
  std::vector<ProposedTable> tables{table("a", 3, {integers("id", {1, 2}, 3)}),
                                    table("b", 3, {integers("id", {1, 2}, 3, 1)}),
                                    table("c", 0, {integers("id", {}, 0)})};
  propose_keys(tables);
  for (const ProposedTable& t : tables) EXPECT_EQ(t.primary_key, std::nullopt) << t.name;
}

TEST(Propose, LinksNeedBothNameAndValues) {
  const std::vector<ProposedTable> tables = shop();
  ASSERT_EQ(tables[1].links.size(), 2u) << "line and quantity are contained in customers.id as well";
  EXPECT_EQ(tables[1].links[0].column, "customer_id");
  EXPECT_EQ(tables[1].links[0].parent_table, "customers");
  EXPECT_EQ(tables[1].links[1].column, "product_code");
  EXPECT_EQ(tables[1].links[1].parent_column, "productCode");
}

TEST(Propose, LinksTolerateSomeDanglingValues) {
  std::vector<int64_t> keys, few{0, 100}, many;
  for (int64_t i = 0; i < 50; ++i) keys.push_back(i);
  for (int64_t i = 0; i < 20; ++i) many.push_back(i);
  many.push_back(100);
  std::vector<ProposedTable> tables{
      table("teams", 50, {integers("team_id", keys, 50)}),
      table("games", 30, {integers("home_team_id", many, 30), integers("away_team_id", few, 30)})};
  propose_keys(tables);
  ASSERT_EQ(tables[1].links.size(), 1u) << "half of away_team_id has no parent";
  EXPECT_EQ(tables[1].links[0].column, "home_team_id");
  EXPECT_EQ(tables[1].links[0].dangling, 1);
}

TEST(Propose, TypesOfKeysMustMatch) {
  std::vector<ProposedTable> tables{table("users", 2, {integers("user_id", {1, 2}, 2)}),
                                    table("visits", 2, {texts("user_id", {"1", "2"}, 3)})};
  propose_keys(tables);
  EXPECT_TRUE(tables[1].links.empty());
}

TEST(Propose, TimesByName) {
  const std::vector<ProposedTable> tables = shop();
  EXPECT_EQ(tables[0].time_column, std::nullopt) << "a birth says nothing of when the row came";
  EXPECT_EQ(tables[0].other_times, std::vector<std::string>{"birth_date"});
  EXPECT_EQ(tables[1].time_column, "created_at");
  EXPECT_EQ(tables[1].other_times, std::vector<std::string>{"updated_at"});
}

TEST(Propose, YamlIsAValidSpecification) {
  std::vector<ProposedTable> tables = shop();
  tables.push_back(table("odd: name", 1, {integers("a\"b id", {1}, 1)}));
  tables.push_back(table("no", 1, {integers("id", {1}, 1)}));
  tables.push_back(table("line\nbreak", 2, {integers("x", {1}, 2)}));
  propose_keys(tables);
  const std::string yaml = proposal_yaml("my shop", "data dir", tables);
  const JobSpec spec = parse_job_spec(yaml, SpecFormat::kYaml, ".", {});
  EXPECT_EQ(spec.dataset_name, "my shop");
  EXPECT_EQ(spec.table_names(),
            (std::vector<std::string>{"customers", "order_items", "products", "odd: name", "no"}));
  EXPECT_EQ(spec.find_table("odd: name")->primary_key, "a\"b id");
  EXPECT_EQ(spec.find_table("order_items")->time_column, "created_at");
  EXPECT_EQ(spec.find_table("order_items")->foreign_keys.size(), 2u);
  EXPECT_EQ(spec.tables[0].source, "data dir/customers.csv");
}

TEST(Inspect, PicturesEscapeNames) {
  Inspection inspection;
  inspection.dataset = "d";
  inspection.tables.resize(2);
  inspection.tables[0].name = "a \"b\"\n";
  inspection.tables[0].rows = 1234567;
  inspection.tables[1].name = "c\\d";
  inspection.tables[1].links.push_back({"k", "a \"b\"\n", "id", 0, 0});
  EXPECT_EQ(mermaid_picture(inspection),
            "flowchart LR\n  t0[\"a #quot;b#quot; <br/>1,234,567 rows\"]\n  t1[\"c\\d<br/>0 rows\"]\n  t1 -- "
            "\"k\" --> t0\n");
  EXPECT_NE(graphviz_picture(inspection).find("t0 [label=\"a \\\"b\\\" \\n1,234,567 rows\"]"),
            std::string::npos);
  EXPECT_NE(graphviz_picture(inspection).find("c\\\\d"), std::string::npos);
}

TEST(Inspect, GroupsDigits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(-1000), "-1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
}

}  // namespace
}  // namespace rle
