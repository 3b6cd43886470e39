#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "base/rng.h"
#include "task/baselines.h"
#include "task/ranked_targets.h"
#include "task/task_testing.h"

namespace rle {
namespace {

using namespace testing_task;

struct Row {
  NodeId entity;
  int64_t day;
  std::vector<NodeId> targets;  // ascending
  int32_t unknown = 0;
  bool labelled = true;
};

// Rows in canonical order.
LabelTable split_of(Split split, const std::vector<Row>& rows) {
  LabelTable labels;
  labels.split = split;
  labels.rows = static_cast<int64_t>(rows.size());
  labels.labelled = true;
  labels.target_offsets.push_back(0);
  for (const Row& row : rows) {
    labels.entity.push_back(row.entity);
    labels.time_us.push_back(row.day * kMicrosPerDay);
    labels.has_label.push_back(row.labelled);
    labels.targets.insert(labels.targets.end(), row.targets.begin(), row.targets.end());
    labels.target_offsets.push_back(static_cast<int64_t>(labels.targets.size()));
    labels.target_total.push_back(static_cast<int32_t>(row.targets.size()) + row.unknown);
  }
  return labels;
}

TaskSpec spec(int64_t horizon_days, int64_t k) {
  TaskSpec result = task(TaskType::kLinkPrediction);
  if (horizon_days >= 0) result.horizon_us = horizon_days * kMicrosPerDay;
  result.eval_k = k;
  return result;
}

std::vector<BaselineResult> evaluate(const TaskSpec& task, const std::vector<const LabelTable*>& history,
                                     const LabelTable& target) {
  LabelEncoding encoding;
  encoding.type = task.type;
  return evaluate_baselines(task, encoding, history, target);
}

double metric(const std::vector<BaselineResult>& results, std::string_view name, std::string_view metric) {
  for (const BaselineResult& result : results)
    if (result.name == name)
      for (const MetricValue& value : result.metrics)
        if (value.name == metric) return value.value;
  ADD_FAILURE() << "no " << name << " " << metric;
  return NAN;
}

TEST(LinkBaselines, PopularityAndPastVisits) {
  // By day 9: target 5 three times, 2 and 7 twice, 1 once. Entity 1: 7 twice, 5 once.
  const LabelTable train =
      split_of(Split::kTrain, {{1, 0, {7}}, {2, 0, {2, 5}}, {3, 1, {1, 2, 5}}, {1, 2, {5, 7}}});
  const LabelTable test = split_of(Split::kTest, {{1, 9, {2}}, {8, 9, {2}}});
  const auto results = evaluate(spec(3, 2), {&train}, test);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].labels, "train");
  // 5, 2 for all; 7, 5 and nothing; 7, 5 and 5, 2.
  EXPECT_DOUBLE_EQ(metric(results, "global popularity", "link_prediction_map"), 0.5);
  EXPECT_DOUBLE_EQ(metric(results, "past visits", "link_prediction_map"), 0);
  EXPECT_DOUBLE_EQ(metric(results, "past visits then popularity", "link_prediction_map"), 0.25);
  const LabelTable repeated = split_of(Split::kTest, {{1, 9, {7}}, {3, 9, {7}}});
  const auto again = evaluate(spec(3, 4), {&train}, repeated);
  EXPECT_DOUBLE_EQ(metric(again, "past visits", "link_prediction_map"), 0.5);
  // Entity 3: 1, 2, 5, then 7.
  EXPECT_DOUBLE_EQ(metric(again, "past visits then popularity", "link_prediction_map"), (1 + 0.25) / 2);
  EXPECT_DOUBLE_EQ(metric(again, "past visits then popularity", "link_prediction_recall"), 1);
}

TEST(LinkBaselines, OnlyLabelsWhoseWindowHasClosed) {
  const LabelTable train = split_of(Split::kTrain, {{1, 0, {3}}, {1, 5, {4}}, {1, 5, {4}}});
  const auto hit = [&](int64_t day, NodeId wanted) {
    const LabelTable test = split_of(Split::kTest, {{1, day, {wanted}}});
    return metric(evaluate(spec(3, 1), {&train}, test), "past visits", "link_prediction_recall");
  };
  EXPECT_EQ(hit(7, 3), 1);  // the windows of day 5 close on day 8
  EXPECT_EQ(hit(8, 4), 1);
  const LabelTable early = split_of(Split::kTest, {{1, 2, {3}}});
  EXPECT_TRUE(evaluate(spec(3, 1), {&train}, early).empty());
  EXPECT_TRUE(evaluate(spec(-1, 1), {&train}, train).empty()) << "its own split without a horizon";
}

TEST(LinkBaselines, WithoutTimesOrTargets) {
  LabelTable train = split_of(Split::kTrain, {{1, 0, {3}}, {2, 0, {}}});
  LabelTable test = split_of(Split::kTest, {{1, 0, {3}, 1}, {2, 0, {3}}});
  train.time_us.clear();
  test.time_us.clear();
  TaskSpec timeless = spec(-1, 3);
  timeless.time_column.reset();
  const auto results = evaluate(timeless, {&train, &test}, test);
  EXPECT_DOUBLE_EQ(metric(results, "past visits", "link_prediction_recall"), 0.25);
  EXPECT_DOUBLE_EQ(metric(results, "global popularity", "link_prediction_recall"), 0.75);
  const LabelTable nothing = split_of(Split::kTrain, {{1, 0, {}}});
  EXPECT_EQ(metric(evaluate(spec(1, 3), {&nothing}, split_of(Split::kTest, {{1, 9, {0}}})),
                   "global popularity", "link_prediction_map"),
            0);
}

// By the definition, from scratch for each row.
std::vector<NodeId> most_frequent(const std::vector<Row>& history, const Row& seed, int64_t horizon, bool own,
                                  size_t k) {
  std::map<NodeId, int64_t> counts;
  for (const Row& row : history)
    if (row.labelled && row.day + horizon <= seed.day && (!own || row.entity == seed.entity))
      for (const NodeId target : row.targets) ++counts[target];
  std::vector<std::pair<int64_t, NodeId>> order;
  for (const auto& [target, count] : counts) order.emplace_back(-count, target);
  std::sort(order.begin(), order.end());
  std::vector<NodeId> best;
  for (size_t i = 0; i < std::min(k, order.size()); ++i) best.push_back(order[i].second);
  return best;
}

std::vector<Row> random_rows(RngStream& random, int64_t rows, int64_t first_day, uint64_t days) {
  std::vector<Row> result;
  for (int64_t i = 0; i < rows; ++i) {
    Row row{static_cast<NodeId>(random.below(5)), first_day + static_cast<int64_t>(random.below(days)), {}};
    for (NodeId target = 0; target < 9; ++target)
      if (random.below(4) == 0) row.targets.push_back(target);
    row.unknown = static_cast<int32_t>(random.below(2));
    row.labelled = random.below(8) != 0;
    result.push_back(std::move(row));
  }
  std::sort(result.begin(), result.end(), [](const Row& a, const Row& b) {
    return std::tie(a.day, a.entity, a.targets) < std::tie(b.day, b.entity, b.targets);
  });
  return result;
}

RankedTargets ranked_of(const std::vector<std::vector<NodeId>>& rows) {
  RankedTargets out;
  out.offsets.push_back(0);
  for (const std::vector<NodeId>& row : rows) {
    out.target.insert(out.target.end(), row.begin(), row.end());
    out.offsets.push_back(static_cast<int64_t>(out.target.size()));
  }
  out.score.resize(out.target.size());
  return out;
}

TEST(LinkBaselines, AreThoseOfTheDefinition) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    RngStream random(RngKey(seed).with("baselines"));
    const std::vector<Row> train = random_rows(random, 40, 0, 20), test = random_rows(random, 20, 5, 30);
    const int64_t horizon = static_cast<int64_t>(random.below(6));
    const size_t k = 1 + random.below(10);
    std::vector<std::vector<NodeId>> popular, visits, filled;
    for (const Row& row : test) {
      popular.push_back(most_frequent(train, row, horizon, false, k));
      visits.push_back(most_frequent(train, row, horizon, true, k));
      filled.push_back(visits.back());
      for (const NodeId node : popular.back())
        if (filled.back().size() < k && std::count(visits.back().begin(), visits.back().end(), node) == 0)
          filled.back().push_back(node);
    }
    const LabelTable history = split_of(Split::kTrain, train), target = split_of(Split::kTest, test);
    const auto results = evaluate(spec(horizon, static_cast<int64_t>(k)), {&history}, target);
    ASSERT_EQ(results.size(), 3u);
    size_t at = 0;
    for (const auto& expected : {popular, visits, filled}) {
      const auto metrics = compute_link_metrics(target, ranked_of(expected), static_cast<int64_t>(k));
      for (size_t m = 0; m < metrics.size(); ++m)
        EXPECT_DOUBLE_EQ(results[at].metrics[m].value, metrics[m].value)
            << results[at].name << " " << metrics[m].name << " seed " << seed;
      ++at;
    }
  }
}

}  // namespace
}  // namespace rle
