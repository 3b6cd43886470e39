#include "train/link_prediction_table.h"

#include <gtest/gtest.h>

#include "train/test_data.h"

namespace rle {
namespace {
using namespace test_data;
using Names = std::vector<std::string>;

Column int_lists(std::string name, const std::vector<std::vector<int64_t>>& rows) {
  Column column = scalar(std::move(name), PhysicalType::kIntList, "+l", static_cast<int64_t>(rows.size()));
  column.offsets = {0};
  for (const std::vector<int64_t>& row : rows) {
    column.ints.edit().insert(column.ints.edit().end(), row.begin(), row.end());
    column.offsets.edit().push_back(static_cast<int64_t>(column.ints.size()));
  }
  return column;
}

// Three source rows with lists; the label table has them in the order 2, 0, 1. The middle one of the source
// has no prediction.
struct Case {
  TaskSpec task = shop_task(TaskType::kLinkPrediction);
  Table source =
      table(schema("test"), {int_lists("bought", {{5}, {}, {6, 7}}), strings("who", {"b", "c", "a"}),
                             times("when", {day(2), day(3), day(1)})});
  LabelTable labels;
  RankedTargets ranked{{0, 2, 3, 3}, {1, 0, 2}, {0.9f, 0.8f, 0.7f}};
  Column keys = ints("article", {50, 60, 70}, "i");

  Case() {
    task.entity_column = "who";
    task.time_column = "when";
    task.target_column = "bought";
    task.target_key = "article";
    labels.rows = 3;
    labels.source_row = {2, 0, 1};
  }
  Table predict(bool flatten = false) const {
    return link_prediction_table(task, source, labels, ranked, keys, flatten);
  }
};

Names shown(const Column& column) {
  Names rows;
  for (int64_t row = 0; row < column.rows; ++row) rows.push_back(column.display(row));
  return rows;
}

TEST(LinkPredictionTable, ListsInTheOrderOfTheSource) {
  const Case c;
  const Table out = c.predict();
  EXPECT_EQ(out.column_names(), (Names{"who", "when", "bought", "predicted_article", "predicted_scores"}));
  EXPECT_EQ(shown(out.at("who")), (Names{"b", "c", "a"}));
  EXPECT_EQ(out.at("when").ints, c.source.at("when").ints);
  EXPECT_EQ(shown(out.at("bought")), shown(c.source.at("bought")));
  EXPECT_EQ(out.at("predicted_article").offsets, (std::vector<int64_t>{0, 1, 1, 3}));
  EXPECT_EQ(out.at("predicted_article").ints, (std::vector<int64_t>{70, 60, 50}));
  EXPECT_EQ(out.at("predicted_scores").offsets, (std::vector<int64_t>{0, 1, 1, 3}));
  EXPECT_EQ(out.at("predicted_scores").floats32, (std::vector<float>{0.7f, 0.9f, 0.8f}));
}

TEST(LinkPredictionTable, FlattenedIsARowAPair) {
  const Table out = Case().predict(true);
  EXPECT_EQ(out.column_names(), (Names{"who", "when", "bought", "predicted_article", "rank", "score"}));
  EXPECT_EQ(out.rows, 3);
  EXPECT_EQ(shown(out.at("who")), (Names{"b", "a", "a"}));
  EXPECT_EQ(out.at("when").ints, (std::vector<int64_t>{day(2), day(1), day(1)}));
  EXPECT_EQ(out.at("predicted_article").ints, (std::vector<int64_t>{70, 60, 50}));
  EXPECT_EQ(out.at("predicted_article").arrow_format, "i");
  EXPECT_EQ(out.at("rank").ints, (std::vector<int64_t>{1, 1, 2}));
  EXPECT_EQ(out.at("score").floats, (std::vector<double>{0.7f, 0.9f, 0.8f}));
  EXPECT_EQ(shown(out.at("bought")),
            (Names{shown(Case().source.at("bought"))[0], shown(Case().source.at("bought"))[2],
                   shown(Case().source.at("bought"))[2]}));
}

TEST(LinkPredictionTable, TextKeysAndNamesThatAreTaken) {
  Case c;
  c.keys = strings("article", {"y", "x", "z"});
  c.task.entity_column = "Predicted_Article";
  c.source.columns[1].name = "Predicted_Article";
  const Table out = c.predict();
  EXPECT_EQ(out.columns[3].name, "gnn_predicted_article");
  EXPECT_EQ(shown(out.columns[3]), (Names{"[z]", "[]", "[x, y]"}));
  const Table flat = c.predict(true);
  EXPECT_EQ(shown(flat.columns[3]), (Names{"z", "x", "y"}));
}

// One target a row: rows 0 and 2 of the source are one seed.
TEST(LinkPredictionTable, RowsOfOneSeedAreOneAtThePlaceOfTheFirst) {
  Case c;
  c.source = table(schema("test"), {ints("bought", {5, 6, 7, 5}), strings("who", {"b", "a", "b", "c"}),
                                    times("when", {day(2), day(1), day(2), day(3)})});
  c.labels.source_row = {1, 0, 3};
  const Table out = c.predict();
  EXPECT_EQ(out.column_names(), (Names{"who", "when", "predicted_article", "predicted_scores"}));
  EXPECT_EQ(shown(out.at("who")), (Names{"b", "a", "c"}));
  EXPECT_EQ(shown(out.at("predicted_article")), (Names{"[70]", "[60, 50]", "[]"}));
  const Table flat = c.predict(true);
  EXPECT_EQ(shown(flat.at("who")), (Names{"b", "a", "a"}));
}

TEST(LinkPredictionTable, NothingToPredictForIsAnEmptyTable) {
  Case c;
  c.source = table(schema("test"), {strings("who", {}), times("when", {})});
  c.labels = LabelTable();
  c.ranked = {{0}, {}, {}};
  EXPECT_EQ(c.predict().rows, 0);
  EXPECT_EQ(c.predict().at("predicted_article").offsets, (std::vector<int64_t>{0}));
  EXPECT_EQ(c.predict(true).rows, 0);
}

}  // namespace
}  // namespace rle
