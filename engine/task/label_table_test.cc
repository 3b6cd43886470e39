#include <cmath>

#include "base/thread_pool.h"
#include "graph/graph.h"
#include "task/label_rows.h"
#include "task/task_testing.h"

namespace rle {
namespace {

using namespace testing_task;
using Floats = std::vector<float>;
using Ids = std::vector<int32_t>;
using Rows = std::vector<int64_t>;
using Nodes = std::vector<NodeId>;
using Flags = std::vector<uint8_t>;

LabelEncoding classes(TaskType type, std::vector<std::string> names, std::string format = "l") {
  LabelEncoding encoding;
  encoding.type = type;
  encoding.classes = std::move(names);
  encoding.arrow_format = std::move(format);
  return encoding;
}

// Entities of key k are node k; keys from 100 on are unknown.
EntityJoin join(const Table& rows, std::vector<int64_t> node_days = {}) {
  EntityJoin result;
  for (int64_t key : rows.at("driver").ints) {
    result.node.push_back(key >= 100 ? kNoNode : static_cast<NodeId>(key));
    if (node_days.empty()) continue;
    const int64_t day = node_days[static_cast<size_t>(key)];
    result.node_time_us.push_back(day < 0 ? kNeverVisible : day * kMicrosPerDay);
  }
  return result;
}

struct Encoded {
  LabelTable labels;
  ReportLines report;
};

Encoded encode(const TaskSpec& spec, const LabelEncoding& encoding, Split split, const Table& rows,
               std::vector<int64_t> node_days = {}) {
  Encoded result;
  result.labels =
      encode_label_table(spec, encoding, join(rows, std::move(node_days)), split, rows, result.report);
  return result;
}

Table rows_of(std::vector<int64_t> drivers, const std::vector<int64_t>& dates, Column label) {
  return table("rows", {ints("driver", std::move(drivers)), days("date", dates), std::move(label)});
}

TEST(LabelTable, RowsStandInOrderOfTimeEntityLabel) {
  const Table rows = rows_of({2, 1, 1, 1, 0}, {5, 5, 5, 4, 9}, floats("label", {1, 3, 2, 4, 5}));
  const LabelTable labels =
      encode(task(TaskType::kRegression), classes(TaskType::kRegression, {}), Split::kTrain, rows).labels;
  EXPECT_EQ(labels.source_row, (Rows{3, 2, 1, 0, 4}));
  EXPECT_EQ(labels.entity, (Nodes{1, 1, 1, 2, 0}));
  EXPECT_EQ(labels.value, (Floats{4, 2, 3, 1, 5}));
  EXPECT_EQ(labels.time_us.front(), 4 * kMicrosPerDay);
  EXPECT_TRUE(labels.labelled);
}

TEST(LabelTable, OrderOfTheSourceDoesNotMatter) {
  const Table a = rows_of({2, 1, 1}, {5, 5, 5}, ints("label", {1, 0, 1}));
  const Table b = rows_of({1, 2, 1}, {5, 5, 5}, ints("label", {1, 1, 0}));
  const LabelEncoding encoding = classes(TaskType::kBinary, {"0", "1"});
  const LabelTable x = encode(task(TaskType::kBinary), encoding, Split::kTrain, a).labels;
  const LabelTable y = encode(task(TaskType::kBinary), encoding, Split::kTrain, b).labels;
  EXPECT_EQ(x.entity, y.entity);
  EXPECT_EQ(x.value, y.value);
  EXPECT_EQ(x.value, (Floats{0, 1, 1}));
}

TEST(LabelTable, UnseenClassesAndMissingLabelsAreCountedAndLeftOut) {
  const Table rows = rows_of({0, 1, 2, 3}, {1, 2, 3, 4}, with_nulls(ints("label", {5, 0, 9, 6}), {1}));
  const auto [labels, report] =
      encode(task(TaskType::kMulticlass), classes(TaskType::kMulticlass, {"5", "6"}), Split::kTest, rows);
  EXPECT_EQ(labels.class_id, (Ids{0, -1, -1, 1}));
  EXPECT_EQ(labels.has_label, (Flags{1, 0, 0, 1}));
  EXPECT_TRUE(has_line(report, Severity::kWarning,
                       "1 of 4 rows have a class in column 'label' that training never saw (first '9')"));
  EXPECT_TRUE(has_line(report, Severity::kInfo, "1 of 4 rows have no label"));
}

TEST(LabelTable, BinaryUnseenClassIsNoLabel) {
  const Table rows = rows_of({0, 1, 2}, {1, 2, 3}, strings("label", {"no", "perhaps", "yes"}));
  const auto [labels, report] = encode(
      task(TaskType::kBinary), classes(TaskType::kBinary, {"no", "yes"}, "u"), Split::kValidation, rows);
  EXPECT_EQ(labels.value[0], 0);
  EXPECT_TRUE(std::isnan(labels.value[1]));
  EXPECT_EQ(labels.value[2], 1);
  EXPECT_EQ(labels.has_label, (Flags{1, 0, 1}));
  EXPECT_TRUE(has_line(report, Severity::kWarning, "'perhaps'"));
}

TEST(LabelTable, ClassesAreFoundByValueWhateverTheirType) {
  const Table as_float = rows_of({0, 1}, {1, 2}, floats("label", {2.0, 10.0}));
  EXPECT_EQ(
      encode(task(TaskType::kMulticlass), classes(TaskType::kMulticlass, {"2", "10"}), Split::kTest, as_float)
          .labels.class_id,
      (Ids{0, 1}));
  const Table as_boolean = rows_of({0, 1}, {1, 2}, ints("label", {1, 0}, "b"));
  EXPECT_EQ(encode(task(TaskType::kBinary), classes(TaskType::kBinary, {"0", "1"}), Split::kTest, as_boolean)
                .labels.value,
            (Floats{1, 0}));
  const Table as_integer = rows_of({0, 1}, {1, 2}, ints("label", {1, 0}));
  EXPECT_EQ(encode(task(TaskType::kBinary), classes(TaskType::kBinary, {"false", "true"}, "b"), Split::kTest,
                   as_integer)
                .labels.value,
            (Floats{1, 0}));
}

TEST(LabelTable, MultilabelRowsHoldSortedDistinctKnownClasses) {
  const Table rows =
      rows_of({0, 1, 2, 3}, {1, 2, 3, 4}, with_nulls(int_lists("label", {{7, 3, 7}, {}, {8, 3}, {}}), {3}));
  const auto [labels, report] =
      encode(task(TaskType::kMultilabel), classes(TaskType::kMultilabel, {"3", "7"}), Split::kTest, rows);
  EXPECT_EQ(labels.label_offsets, (Ids{0, 2, 2, 3, 3}));
  EXPECT_EQ(labels.label_ids, (Ids{0, 1, 0}));
  EXPECT_EQ(labels.has_label, (Flags{1, 1, 1, 0}));
  EXPECT_TRUE(has_line(report, Severity::kWarning, "1 labels in column 'label'"));
}

TEST(LabelTable, UnknownEntitiesAreRefusedWithCountAndFirst) {
  const Table rows = rows_of({0, 101, 100}, {1, 2, 3}, ints("label", {0, 1, 1}));
  expect_error(ErrorCode::kData, {"'driver'", "2 of 3 rows", "'drivers'", "first '101' in row 2"}, [&] {
    encode(task(TaskType::kBinary), classes(TaskType::kBinary, {"0", "1"}), Split::kTest, rows);
  });
}

TEST(LabelTable, EntitiesOfTheFutureAreRefusedWithCount) {
  const Table rows = rows_of({0, 1, 2, 3}, {5, 5, 5, 5}, ints("label", {0, 1, 1, 0}));
  expect_error(ErrorCode::kData,
               {"in 1 of 4 rows the entity is later", "in 1 it has no time", "row 3 of the source",
                "1970-01-07", "1970-01-06"},
               [&] {
                 encode(task(TaskType::kBinary), classes(TaskType::kBinary, {"0", "1"}), Split::kTrain, rows,
                        {0, 5, 6, -1});
               });
  const Table fine = rows_of({0, 1}, {5, 5}, ints("label", {0, 1}));
  EXPECT_EQ(
      encode(task(TaskType::kBinary), classes(TaskType::kBinary, {"0", "1"}), Split::kTrain, fine, {0, 5})
          .labels.rows,
      2);
}

TEST(LabelTable, NullKeysTimesAndTrainingLabelsAreRefused) {
  const LabelEncoding encoding = classes(TaskType::kBinary, {"0", "1"});
  Table rows = rows_of({0, 1}, {5, 5}, ints("label", {0, 1}));
  rows.columns[0] = with_nulls(rows.columns[0], {1});
  expect_error(ErrorCode::kData, {"entity column 'driver'", "1 of 2", "row 2"},
               [&] { encode(task(TaskType::kBinary), encoding, Split::kTest, rows); });
  rows = rows_of({0, 1}, {5, 5}, ints("label", {0, 1}));
  rows.columns[1] = with_nulls(rows.columns[1], {0});
  expect_error(ErrorCode::kData, {"time column 'date'", "row 1"},
               [&] { encode(task(TaskType::kBinary), encoding, Split::kTest, rows); });
  rows = rows_of({0, 1}, {5, 5}, with_nulls(ints("label", {0, 1}), {0}));
  expect_error(ErrorCode::kData, {"(train)", "no label"},
               [&] { encode(task(TaskType::kBinary), encoding, Split::kTrain, rows); });
  rows = rows_of({0, 1}, {5, 5}, floats("label", {0, INFINITY}));
  expect_error(ErrorCode::kData, {"(test)", "infinite", "row 2"}, [&] {
    encode(task(TaskType::kRegression), classes(TaskType::kRegression, {}), Split::kTest, rows);
  });
}

TEST(LabelTable, OnlyTheTestSplitMayLackTheTargetOrRows) {
  const LabelEncoding encoding = classes(TaskType::kBinary, {"0", "1"});
  const Table rows = table("rows", {ints("driver", {1, 0}), days("date", {5, 5})});
  const LabelTable labels = encode(task(TaskType::kBinary), encoding, Split::kTest, rows).labels;
  EXPECT_FALSE(labels.labelled);
  EXPECT_TRUE(labels.value.empty());
  EXPECT_EQ(labels.source_row, (Rows{1, 0}));
  expect_error(ErrorCode::kSpec, {"no target column 'label'"},
               [&] { encode(task(TaskType::kBinary), encoding, Split::kValidation, rows); });
  const Table empty = rows_of({}, {}, ints("label", {}));
  for (Split split : {Split::kTrain, Split::kValidation})
    expect_error(ErrorCode::kData, {"empty split"},
                 [&] { encode(task(TaskType::kBinary), encoding, split, empty); });
  EXPECT_TRUE(has_line(encode(task(TaskType::kBinary), encoding, Split::kTest, empty).report,
                       Severity::kWarning, "no rows"));
}

TEST(LabelTable, TimeColumnMustBeATime) {
  const LabelEncoding encoding = classes(TaskType::kBinary, {"0", "1"});
  Table rows = table("rows", {ints("driver", {1, 0}), ints("date", {5, 5}), ints("label", {0, 1})});
  expect_error(ErrorCode::kSpec, {"time column 'date'", "is of type integer", "no time"},
               [&] { encode(task(TaskType::kBinary), encoding, Split::kTest, rows); });
  TaskSpec timeless = task(TaskType::kBinary);
  timeless.time_column.reset();
  const LabelTable labels = encode(timeless, encoding, Split::kTest, rows).labels;
  EXPECT_TRUE(labels.time_us.empty());
  EXPECT_EQ(labels.entity, (Nodes{0, 1}));
}

TEST(LabelTable, JoinsToTheGraph) {
  Table drivers = table("drivers", {strings("id", {"b", "a", "c"}), days("born", {1, 2, 3})});
  drivers.schema.primary_key = "id";
  drivers.schema.time_column = "born";
  sort_canonically(drivers);
  ThreadPool pool(1);
  ReportLines report;
  const Graph graph = Graph::build({drivers}, pool, report);
  const LabelEncoding encoding = classes(TaskType::kBinary, {"0", "1"});
  const Table rows =
      table("rows", {strings("driver", {"c", "a", "b"}), days("date", {3, 9, 9}), ints("label", {1, 1, 0})});
  const LabelTable labels =
      make_label_table(task(TaskType::kBinary), encoding, graph, Split::kTrain, rows, report);
  EXPECT_EQ(labels.entity, (Nodes{2, 0, 1}));
  EXPECT_EQ(labels.value, (Floats{1, 0, 1}));
  const Table early =
      table("rows", {strings("driver", {"c", "z"}), days("date", {2, 9}), ints("label", {1, 0})});
  expect_error(ErrorCode::kData, {"1 of 2 rows", "first 'z' in row 2"}, [&] {
    make_label_table(task(TaskType::kBinary), encoding, graph, Split::kTrain, early, report);
  });
  const Table late = table("rows", {strings("driver", {"c"}), days("date", {2}), ints("label", {1})});
  expect_error(ErrorCode::kData, {"1 of 1 rows the entity is later", "'c'"}, [&] {
    make_label_table(task(TaskType::kBinary), encoding, graph, Split::kTrain, late, report);
  });
}

}  // namespace
}  // namespace rle
