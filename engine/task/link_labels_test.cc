#include "task/link_labels.h"

#include "base/rng.h"
#include "base/thread_pool.h"
#include "task/task_testing.h"

namespace rle {
namespace {

using namespace testing_task;
using Nodes = std::vector<NodeId>;
using Counts = std::vector<int32_t>;
using Ends = std::vector<int64_t>;
using Flags = std::vector<uint8_t>;
using Lists = std::vector<std::vector<int64_t>>;

TaskSpec links(TaskType type = TaskType::kLinkPrediction) {
  TaskSpec spec = task(type);
  spec.target_table = "circuits";
  spec.target_key = "code";
  return spec;
}

// Drivers 0..4. Circuits 10, 11, 12, 13 open on days 0, 3, 5, 9 (nodes 0..3); circuit 14 has no time.
class LinkLabels : public testing::Test {
 protected:
  LinkLabels() : graph_(make_graph()) {}

  static Graph make_graph() {
    Table drivers = table("drivers", {ints("id", {0, 1, 2, 3, 4})});
    drivers.schema.primary_key = "id";
    Table circuits = table(
        "circuits", {ints("code", {13, 10, 12, 14, 11}), with_nulls(days("opened", {9, 0, 5, 0, 3}), {3}),
                     strings("name", {"d", "a", "c", "e", "b"})});
    circuits.schema.primary_key = "code";
    circuits.schema.candidate_keys = {{"name", false}};
    circuits.schema.time_column = "opened";
    sort_canonically(circuits);
    ThreadPool pool(1);
    ReportLines report;
    return Graph::build({drivers, circuits}, pool, report);
  }

  LabelTable make(const TaskSpec& spec, Split split, const Table& rows) {
    report_ = ReportLines();
    LabelEncoding encoding;
    encoding.type = spec.type;
    return make_label_table(spec, encoding, graph_, split, rows, report_);
  }
  LabelTable make(Split split, const Table& rows) { return make(links(), split, rows); }
  bool warns(std::string_view part) const { return has_line(report_, Severity::kWarning, part); }
  bool tells(std::string_view part) const { return has_line(report_, Severity::kInfo, part); }

  Graph graph_;
  ReportLines report_;
};

Table rows_of(std::vector<int64_t> drivers, const std::vector<int64_t>& dates, Column label) {
  return table("task.train", {ints("driver", std::move(drivers)), days("date", dates), std::move(label)});
}

TEST_F(LinkLabels, ListsAreSortedDistinctNodes) {
  const LabelTable labels =
      make(Split::kTrain, rows_of({1, 0, 2}, {9, 9, 10}, int_lists("label", {{13, 10, 13, 10}, {12}, {}})));
  EXPECT_EQ(labels.rows, 3);
  EXPECT_TRUE(labels.labelled);
  EXPECT_EQ(labels.entity, (Nodes{0, 1, 2}));
  EXPECT_EQ(labels.source_row, (Ends{1, 0, 2}));
  EXPECT_EQ(labels.target_offsets, (Ends{0, 1, 3, 3}));
  EXPECT_EQ(labels.targets, (Nodes{2, 0, 3}));
  EXPECT_EQ(labels.target_total, (Counts{1, 2, 0}));
  EXPECT_EQ(labels.has_label, (Flags{1, 1, 1})) << "to link to nothing is a label";
  EXPECT_TRUE(tells("2 keys in column 'label' occur again in their seed, first 10 in row 1 of the source"));
  EXPECT_TRUE(tells("1 of 3 seeds link to nothing"));
}

TEST_F(LinkLabels, RowsOfOneEntityAndTimeAreOneSeed) {
  const LabelTable pairs =
      make(Split::kTrain, rows_of({1, 0, 1, 1, 1}, {9, 9, 9, 10, 9}, ints("label", {13, 12, 10, 11, 13})));
  EXPECT_EQ(pairs.rows, 3);
  EXPECT_EQ(pairs.entity, (Nodes{0, 1, 1}));
  EXPECT_EQ(pairs.time_us, (Ends{9 * kMicrosPerDay, 9 * kMicrosPerDay, 10 * kMicrosPerDay}));
  EXPECT_EQ(pairs.source_row, (Ends{1, 0, 3})) << "of several the first";
  EXPECT_EQ(pairs.target_offsets, (Ends{0, 1, 3, 4}));
  EXPECT_EQ(pairs.targets, (Nodes{2, 0, 3, 1}));
  EXPECT_EQ(pairs.target_total, (Counts{1, 2, 1}));
  EXPECT_TRUE(tells("1 keys in column 'label' occur again in their seed, first 13 in row 5"));
  const LabelTable lists =
      make(Split::kTrain, rows_of({1, 0, 1}, {9, 9, 10}, int_lists("label", {{10, 13}, {12}, {11}})));
  EXPECT_EQ(lists.targets, pairs.targets);
  EXPECT_EQ(lists.target_offsets, pairs.target_offsets);
  EXPECT_EQ(lists.target_total, pairs.target_total);
}

TEST_F(LinkLabels, RowsWithListsStayRows) {
  const LabelTable labels = make(Split::kTrain, rows_of({1, 1}, {9, 9}, int_lists("label", {{13}, {10}})));
  EXPECT_EQ(labels.rows, 2);
  EXPECT_EQ(labels.targets, (Nodes{0, 3})) << "in the order of their labels";
  EXPECT_EQ(labels.source_row, (Ends{1, 0}));
}

TEST_F(LinkLabels, UnknownKeysAreCountedAndNamed) {
  const LabelTable labels =
      make(Split::kTrain, rows_of({1, 0, 2}, {9, 8, 9}, int_lists("label", {{10, 77}, {10}, {99, 98, 99}})));
  EXPECT_EQ(labels.targets, (Nodes{0, 0}));
  EXPECT_EQ(labels.target_total, (Counts{1, 2, 2})) << "they count in recall";
  EXPECT_TRUE(
      warns("table 'task.train' (train): of 6 keys in column 'label' 3 name no row of table "
            "'circuits', first 77 in row 1 of the source (counted from 1); no model can predict"));
  EXPECT_TRUE(warns("1 of 3 seeds have only such keys"));
}

TEST_F(LinkLabels, TargetsThatAreNotThereYet) {
  const Table rows = rows_of({1, 0, 2}, {5, 3, 9}, int_lists("label", {{10, 12, 13}, {12, 10}, {14, 10}}));
  LabelTable labels = make(Split::kTest, rows);
  EXPECT_EQ(labels.targets, (Nodes{0, 0, 2, 0}));
  EXPECT_EQ(labels.target_total, (Counts{2, 3, 2}));
  EXPECT_TRUE(
      warns("3 name rows of table 'circuits' that are not there yet at the time of the seed, first 13 "
            "in row 1 of the source (counted from 1): its time is 1970-01-10, the seed's "
            "1970-01-06; no model"))
      << report_.lines()[0].text;
  TaskSpec earlier = links();
  earlier.current_time = false;
  EXPECT_EQ(make(earlier, Split::kTest, rows).targets, (Nodes{0, 0, 0})) << "12 opens on the day itself";
}

TEST_F(LinkLabels, WithoutTimesAllTargetsThatEverAreThere) {
  TaskSpec timeless = links();
  timeless.time_column.reset();
  const LabelTable labels = make(timeless, Split::kTest, rows_of({1}, {0}, int_lists("label", {{13, 14}})));
  EXPECT_EQ(labels.targets, (Nodes{3}));
  EXPECT_TRUE(warns("first 14 in row 1 of the source (counted from 1): it has no time; no model"));
}

TEST_F(LinkLabels, TrainingNeedsATarget) {
  expect_error(ErrorCode::kData,
               {"'label' of table 'task.train' (train)", "none of its 2 keys can be predicted",
                "1 name no row of table 'circuits', first 99 in row 1",
                "1 name rows of table 'circuits' that are not there yet", "circuits.code"},
               [&] {
                 make(Split::kTrain, rows_of({1, 0}, {5, 5}, int_lists("label", {{99}, {13}})));
               });
  expect_error(ErrorCode::kData, {"every list is empty"}, [&] {
    make(Split::kTrain, rows_of({1, 0}, {5, 5}, int_lists("label", {{}, {}})));
  });
  EXPECT_EQ(make(Split::kValidation, rows_of({1}, {5}, int_lists("label", {{99}}))).target_total,
            (Counts{1}));
}

TEST_F(LinkLabels, NullsAreNoLabelAndRefusedInTraining) {
  Table rows = rows_of({1, 2}, {9, 9}, with_nulls(int_lists("label", {{}, {10}}), {0}));
  EXPECT_EQ(make(Split::kTest, rows).has_label, (Flags{0, 1}));
  EXPECT_TRUE(tells("1 of 2 seeds have no label"));
  expect_error(ErrorCode::kData, {"1 of 2 rows have no label", "an empty list says"},
               [&] { make(Split::kTrain, rows); });
  rows = rows_of({1, 2, 2}, {9, 9, 9}, with_nulls(ints("label", {0, 0, 10}), {0, 1}));
  const LabelTable pairs = make(Split::kTest, rows);
  EXPECT_EQ(pairs.has_label, (Flags{0, 1}));
  EXPECT_EQ(pairs.target_total, (Counts{0, 1}));
  expect_error(ErrorCode::kData, {"2 of 3 rows have no label"}, [&] { make(Split::kTrain, rows); });
}

TEST_F(LinkLabels, ATestTableWithoutTheColumnKeepsItsRows) {
  const Table rows = table("test", {ints("driver", {1, 0, 1}), days("date", {9, 9, 9})});
  const LabelTable labels = make(Split::kTest, rows);
  EXPECT_FALSE(labels.labelled);
  EXPECT_EQ(labels.source_row, (Ends{1, 0, 2}));
  EXPECT_TRUE(labels.targets.empty());
}

TEST_F(LinkLabels, KeysOfTheOtherTypeAreRefused) {
  const Table texts = rows_of({1}, {9}, strings("label", {"10"}));
  expect_error(ErrorCode::kSpec, {"'label'", "'code' of table 'circuits'"},
               [&] { make(Split::kTrain, texts); });
  TaskSpec by_name = links();
  by_name.target_key = "name";
  expect_error(ErrorCode::kSpec, {"'label'", "'name' of table 'circuits'"},
               [&] { make(by_name, Split::kTrain, rows_of({1}, {9}, int_lists("label", {{10}}))); });
  EXPECT_EQ(make(by_name, Split::kTrain, rows_of({1, 1}, {9, 9}, strings("label", {"c", "a"}))).targets,
            (Nodes{0, 2}));
  expect_error(ErrorCode::kSpec, {"is of type float", "keys of its target_entity"},
               [&] { make(Split::kTrain, rows_of({1}, {9}, floats("label", {10}))); });
}

TEST_F(LinkLabels, EntitiesMayLinkToTheirOwnTable) {
  TaskSpec own = links();
  own.target_table = "drivers";
  own.target_key = "id";
  const LabelTable labels =
      make(own, Split::kTrain, rows_of({1, 2}, {0, 0}, int_lists("label", {{1, 4}, {0}})));
  EXPECT_EQ(labels.targets, (Nodes{1, 4, 0}));
}

TEST_F(LinkLabels, UnknownEntitiesAreRefusedAsInOtherTasks) {
  expect_error(ErrorCode::kData, {"1 of 1 rows name an entity", "first '9'"},
               [&] { make(Split::kTest, rows_of({9}, {9}, int_lists("label", {{10}}))); });
}

// The order of the source decides nothing but which row is the first of its seed.
TEST_F(LinkLabels, OrderOfTheSourceDoesNotMatter) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    RngStream random(RngKey(seed).with("rows"));
    std::vector<int64_t> drivers, dates, keys;
    for (int i = 0; i < 20; ++i) {
      drivers.push_back(static_cast<int64_t>(random.below(3)));
      dates.push_back(static_cast<int64_t>(random.below(4)) * 3);
      keys.push_back(i == 0 ? 10 : 10 + static_cast<int64_t>(random.below(7)));
    }
    std::vector<size_t> order(drivers.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
    std::vector<int64_t> other_drivers, other_dates, other_keys;
    for (const size_t i : order) {
      other_drivers.push_back(drivers[i]);
      other_dates.push_back(dates[i]);
      other_keys.push_back(keys[i]);
    }
    const LabelTable a = make(Split::kTrain, rows_of(drivers, dates, ints("label", keys)));
    const LabelTable b = make(Split::kTrain, rows_of(other_drivers, other_dates, ints("label", other_keys)));
    EXPECT_EQ(a.entity, b.entity);
    EXPECT_EQ(a.time_us, b.time_us);
    EXPECT_EQ(a.targets, b.targets);
    EXPECT_EQ(a.target_offsets, b.target_offsets);
    EXPECT_EQ(a.target_total, b.target_total);
  }
}

TEST(FitLinkLabels, TellsOfKeysAndNeedsThem) {
  ReportLines report;
  TaskSpec spec = links();
  LabelEncoding encoding = fit_labels(spec, table("t", {int_lists("label", {{3, 4}, {4}})}), report);
  EXPECT_EQ(encoding.type, TaskType::kLinkPrediction);
  EXPECT_EQ(encoding.arrow_format, "l");
  EXPECT_TRUE(encoding.classes.empty());
  EXPECT_EQ(encoding.outputs(), 1);
  EXPECT_TRUE(has_line(report, Severity::kInfo, "3 keys of 'circuits' (2 distinct) in 2 training rows"));
  spec.type = TaskType::kRepeatedLinkPrediction;
  encoding = fit_labels(spec, table("t", {strings("label", {"a", "b", "a"})}), report);
  EXPECT_EQ(encoding.arrow_format, "u");
  EXPECT_TRUE(has_line(report, Severity::kInfo, "(2 distinct) in 3 training rows, one a row"));
  EXPECT_EQ(fit_labels(spec, table("t", {ints("label", {1}, "i")}), report).arrow_format, "i");
  expect_error(ErrorCode::kSpec, {"no target column 'label'"},
               [&] { fit_labels(spec, table("t", {ints("labels", {1})}), report); });
  expect_error(ErrorCode::kSpec, {"timestamp"},
               [&] { fit_labels(spec, table("t", {days("label", {1})}), report); });
  expect_error(ErrorCode::kData, {"no label"}, [&] {
    fit_labels(spec, table("t", {with_nulls(int_lists("label", {{1}, {}}), {1})}), report);
  });
  expect_error(ErrorCode::kData, {"empty split"},
               [&] { fit_labels(spec, table("t", {ints("label", {})}), report); });
}

}  // namespace
}  // namespace rle
