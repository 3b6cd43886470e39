#include "train/prediction_table.h"

#include <gtest/gtest.h>

#include "train/test_data.h"

namespace rle {
namespace {
using namespace test_data;

// Three source rows; the label table has them in the order 2, 0, 1.
struct Case {
  TaskSpec task;
  LabelEncoding encoding;
  Table source;
  LabelTable labels;

  Case(TaskType type, std::vector<std::string> classes, std::string format) {
    task.type = encoding.type = type;
    task.entity_column = "who";
    task.time_column = "when";
    task.target_column = "label";
    encoding.classes = std::move(classes);
    encoding.arrow_format = std::move(format);
    source = table(schema("test"), {ints("noise", {7, 8, 9}), strings("who", {"b", "c", "a"}),
                                    times("when", {day(2), day(3), day(1)})});
    labels.rows = 3;
    labels.source_row = {2, 0, 1};
  }
  Table predict(const std::vector<double>& score, bool flatten = false) const {
    return prediction_table(task, encoding, source, labels, score, flatten);
  }
};

std::vector<std::string> names(const Table& t) { return t.column_names(); }

TEST(PredictionTable, RegressionInTheOrderOfTheSource) {
  Case c(TaskType::kRegression, {}, "g");
  c.source.columns.push_back(floats("label", {1, 2, 3}));
  const Table out = c.predict({0.5, 1.5, 2.5});
  EXPECT_EQ(names(out), (std::vector<std::string>{"who", "when", "label", "predicted_value"}));
  EXPECT_EQ(out.rows, 3);
  EXPECT_EQ(out.at("predicted_value").floats, (std::vector<double>{1.5, 2.5, 0.5}));
  EXPECT_EQ(out.at("who").display(0), c.source.at("who").display(0));
  EXPECT_EQ(out.at("when").ints, c.source.at("when").ints);
  EXPECT_EQ(out.at("when").arrow_format, "tsu:");
  EXPECT_EQ(out.at("label").floats, (std::vector<double>{1, 2, 3}));
}

TEST(PredictionTable, BinaryLabelsInTheirOwnType) {
  const Case integers(TaskType::kBinary, {"3", "7"}, "i");
  const Table out = integers.predict({0.49, 0.5, 0.9});
  EXPECT_EQ(names(out), (std::vector<std::string>{"who", "when", "predicted_label", "predicted_prob"}));
  EXPECT_EQ(out.at("predicted_label").ints, (std::vector<int64_t>{7, 7, 3}));
  EXPECT_EQ(out.at("predicted_label").arrow_format, "i");
  EXPECT_EQ(out.at("predicted_prob").floats, (std::vector<double>{0.5, 0.9, 0.49}));

  const Table booleans = Case(TaskType::kBinary, {"false", "true"}, "b").predict({0.1, 0.9, 0.1});
  EXPECT_EQ(booleans.at("predicted_label").ints, (std::vector<int64_t>{1, 0, 0}));
  EXPECT_EQ(booleans.at("predicted_label").arrow_format, "b");
  const Table numbers = Case(TaskType::kBinary, {"0", "1"}, "g").predict({0.1, 0.9, 0.1});
  EXPECT_EQ(numbers.at("predicted_label").floats, (std::vector<double>{1, 0, 0}));
  const Table texts = Case(TaskType::kBinary, {"no", "yes"}, "u").predict({0.1, 0.9, 0.1});
  EXPECT_EQ(texts.at("predicted_label").display(0), "yes");
  EXPECT_EQ(texts.at("predicted_label").display(2), "no");
  const Table decimals = Case(TaskType::kBinary, {"0.5", "2"}, "d:4,1").predict({0.1, 0.9, 0.1});
  EXPECT_EQ(decimals.at("predicted_label").floats, (std::vector<double>{2, 0.5, 0.5}));
}

TEST(PredictionTable, MulticlassListsAndFlattened) {
  const Case c(TaskType::kMulticlass, {"A", "b", "c"}, "u");
  const std::vector<double> score{0.25, 0.25, 0.5, 0.5, 0.5, 0.0, 0, 1, 0};
  const Table out = c.predict(score);
  EXPECT_EQ(names(out), (std::vector<std::string>{"who", "when", "predicted_label", "predicted_probs"}));
  EXPECT_EQ(out.at("predicted_label").display(0), "A");  // the first among equals
  EXPECT_EQ(out.at("predicted_label").display(1), "b");
  EXPECT_EQ(out.at("predicted_label").display(2), "c");
  EXPECT_EQ(out.at("predicted_probs").offsets, (std::vector<int64_t>{0, 3, 6, 9}));
  EXPECT_EQ(out.at("predicted_probs").floats32,
            (std::vector<float>{0.5f, 0.5f, 0, 0, 1, 0, 0.25f, 0.25f, 0.5f}));
  const Table flat = c.predict(score, true);
  EXPECT_EQ(names(flat),
            (std::vector<std::string>{"who", "when", "predicted_label", "prob_A", "prob_b", "prob_c"}));
  EXPECT_EQ(flat.at("prob_b").floats, (std::vector<double>{0.5, 1, 0.25}));
}

TEST(PredictionTable, Multilabel) {
  const std::vector<double> score{0.5, 0.2, 0.1, 0.2, 0.9, 0.7};
  const Table texts = Case(TaskType::kMultilabel, {"x", "y"}, "u").predict(score);
  EXPECT_EQ(names(texts), (std::vector<std::string>{"who", "when", "predicted_labels", "predicted_probs"}));
  EXPECT_EQ(texts.at("predicted_labels").offsets, (std::vector<int64_t>{0, 0, 2, 3}));
  EXPECT_EQ(texts.at("predicted_labels").codes, (std::vector<int32_t>{0, 1, 0}));
  const Table integers = Case(TaskType::kMultilabel, {"5", "10"}, "l").predict(score, true);
  EXPECT_EQ(integers.at("predicted_labels").ints, (std::vector<int64_t>{5, 10, 5}));
  EXPECT_EQ(integers.at("prob_10").floats, (std::vector<double>{0.2, 0.7, 0.2}));
}

TEST(PredictionTable, ClashingNamesGetAPrefix) {
  Case c(TaskType::kBinary, {"a", "b"}, "u");
  c.task.target_column = "Predicted_Label";
  c.source.columns.push_back(strings("Predicted_Label", {"a", "b", "a"}));
  EXPECT_EQ(names(c.predict({0, 0, 0})), (std::vector<std::string>{"who", "when", "Predicted_Label",
                                                                   "gnn_predicted_label", "predicted_prob"}));
  Case folded(TaskType::kMulticlass, {"X", "x"}, "u");
  EXPECT_EQ(names(folded.predict({0, 1, 0, 1, 1, 0}, true)),
            (std::vector<std::string>{"who", "when", "predicted_label", "prob_X", "gnn_prob_x"}));
}

TEST(EntitiesAt, VisibleEntitiesOnly) {
  Table entities = table(schema("people", "since", "id"),
                         {ints("id", {5, 6, 7, 8}, "i"), times("since", {day(1), day(2), day(3), 0})});
  entities.columns[1].valid = {1, 1, 1, 0};
  TaskSpec task = shop_task();
  ReportLines report;
  const Table out = entities_at(entities, task, day(2), report);
  EXPECT_EQ(names(out), (std::vector<std::string>{"who", "when"}));
  EXPECT_EQ(out.at("who").ints, (std::vector<int64_t>{5, 6}));
  EXPECT_EQ(out.at("who").arrow_format, "i");
  EXPECT_EQ(out.at("when").ints, (std::vector<int64_t>{day(2), day(2)}));
  EXPECT_TRUE(contains(report.lines().at(0).text, "2 of 4 entities"));
  task.current_time = false;
  EXPECT_EQ(entities_at(entities, task, day(2), report).rows, 1);
  EXPECT_TRUE(contains(error_of([&] { entities_at(entities, task, std::nullopt, report); }, ErrorCode::kSpec),
                       "--at"));
  task.time_column = std::nullopt;
  EXPECT_EQ(entities_at(entities, task, std::nullopt, report).rows, 4);
}

TEST(KeysAt, ListOfKeys) {
  const TaskSpec task = shop_task();
  const Table one = keys_at(table(schema("keys"), {ints("id", {101, 100})}), task, day(4));
  EXPECT_EQ(one.at("who").ints, (std::vector<int64_t>{101, 100}));
  EXPECT_EQ(one.at("when").ints, (std::vector<int64_t>{day(4), day(4)}));
  const Table timed = table(schema("keys"), {ints("who", {1}), times("when", {day(9)})});
  EXPECT_EQ(keys_at(timed, task, std::nullopt).at("when").ints[0], day(9));
  EXPECT_EQ(keys_at(timed, task, day(4)).at("when").ints[0], day(4));
  const Table wrong = table(schema("keys"), {ints("whom", {1}), ints("x", {2})});
  EXPECT_TRUE(
      contains(error_of([&] { keys_at(wrong, task, day(4)); }, ErrorCode::kSpec), "did you mean 'whom'?"));
  EXPECT_TRUE(
      contains(error_of([&] { keys_at(table(schema("keys"), {ints("who", {1})}), task, std::nullopt); },
                        ErrorCode::kSpec),
               "--at"));
}

}  // namespace
}  // namespace rle
