#include "train/embedding_table.h"

#include <gtest/gtest.h>

#include "train/test_data.h"

namespace rle {
namespace {
using namespace test_data;
using Names = std::vector<std::string>;

TEST(EmbeddingTable, EntitiesInTheOrderOfTheirSource) {
  TaskSpec task = shop_task();
  task.entity_column = "who";
  task.time_column = "when";
  const Table source = table(schema("test"), {ints("rich", {0, 1, 0}), ints("who", {7, 8, 9}, "s"),
                                              times("when", {day(2), day(3), day(1)})});
  LabelTable labels;
  labels.rows = 3;
  labels.source_row = {2, 0, 1};
  const Table out = entity_embedding_table(task, source, labels, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(out.column_names(), (Names{"who", "when", "embedding"}));
  EXPECT_EQ(out.at("who").ints, source.at("who").ints);
  EXPECT_EQ(out.at("who").arrow_format, "s");
  EXPECT_EQ(out.at("when").ints, source.at("when").ints);
  EXPECT_EQ(out.at("embedding").type, PhysicalType::kFloatList);
  EXPECT_EQ(out.at("embedding").offsets, (std::vector<int64_t>{0, 2, 4, 6}));
  EXPECT_EQ(out.at("embedding").floats32, (std::vector<float>{3, 4, 5, 6, 1, 2}));

  task.time_column.reset();
  EXPECT_EQ(entity_embedding_table(task, source, labels, {1, 2, 3}).column_names(),
            (Names{"who", "embedding"}));
}

TEST(EmbeddingTable, SeveralRowsOfASeedHaveOneVector) {
  TaskSpec task = shop_task(TaskType::kLinkPrediction);
  task.entity_column = "who";
  task.time_column.reset();
  const Table source = table(schema("test"), {ints("who", {7, 8, 7})});
  LabelTable labels;
  labels.rows = 2;
  labels.source_row = {1, 0};
  const Table out = entity_embedding_table(task, source, labels, {1, 2});
  EXPECT_EQ(out.at("who").ints, (std::vector<int64_t>{7, 8}));
  EXPECT_EQ(out.at("embedding").floats32, (std::vector<float>{2, 1}));
}

TEST(EmbeddingTable, NodesAtTimes) {
  const Column keys = strings("embedding", {"x", "y", "z"}), when = times("when", {day(9)});
  const Table out =
      node_embedding_table(keys, &when, {2, 0, 2}, {day(1), day(1), day(2)}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(out.column_names(), (Names{"embedding", "when", "gnn_embedding"}));
  EXPECT_EQ(out.columns[0].display(0) + out.columns[0].display(1), "zx");
  EXPECT_EQ(out.at("when").ints, (std::vector<int64_t>{day(1), day(1), day(2)}));
  EXPECT_EQ(out.columns[2].floats32, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(node_embedding_table(keys, nullptr, {}, {}, {}).column_names(),
            (Names{"embedding", "gnn_embedding"}));
}

}  // namespace
}  // namespace rle
