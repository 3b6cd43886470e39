#include "task/ranked_targets.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/rng.h"
#include "task/task_testing.h"

namespace rle {
namespace {

using Json = nlohmann::json;
using Lists = std::vector<std::vector<int64_t>>;

constexpr int64_t kUnknown = 1000;  // keys from here on are no nodes

struct Case {
  LabelTable labels;
  RankedTargets ranked;
  int64_t k = 1;

  std::vector<MetricValue> metrics() const { return compute_link_metrics(labels, ranked, k); }
};

void add_row(const std::vector<int64_t>& targets, const std::vector<int64_t>& ranked, Case& out) {
  LabelTable& labels = out.labels;
  labels.labelled = true;
  ++labels.rows;
  labels.has_label.push_back(1);
  labels.target_total.push_back(static_cast<int32_t>(targets.size()));
  for (const int64_t target : targets)
    if (target < kUnknown) labels.targets.push_back(static_cast<NodeId>(target));
  labels.target_offsets.push_back(static_cast<int64_t>(labels.targets.size()));
  for (const int64_t node : ranked) {
    out.ranked.target.push_back(static_cast<NodeId>(node));
    out.ranked.score.push_back(0);
  }
  out.ranked.offsets.push_back(static_cast<int64_t>(out.ranked.target.size()));
}

Case case_of(const Lists& targets, const Lists& ranked, int64_t k) {
  Case out;
  out.k = k;
  out.labels.target_offsets.push_back(0);
  out.ranked.offsets.push_back(0);
  for (size_t row = 0; row < targets.size(); ++row) add_row(targets[row], ranked[row], out);
  return out;
}

double value_of(const Case& tested, std::string_view name) {
  for (const MetricValue& metric : tested.metrics())
    if (metric.name == name) return metric.value;
  ADD_FAILURE() << name;
  return NAN;
}

double map_of(const Case& tested) { return value_of(tested, "link_prediction_map"); }
double precision_of(const Case& tested) { return value_of(tested, "link_prediction_precision"); }
double recall_of(const Case& tested) { return value_of(tested, "link_prediction_recall"); }

TEST(LinkMetrics, AgreeWithRelbench) {
  std::ifstream file(RLE_SOURCE_DIR "/engine/task/testdata/link_metrics.json");
  const Json cases = Json::parse(file);
  ASSERT_GE(cases.size(), 10u);
  for (size_t i = 0; i < cases.size(); ++i) {
    const Case tested =
        case_of(cases[i]["targets"].get<Lists>(), cases[i]["ranked"].get<Lists>(), cases[i]["k"]);
    const std::vector<MetricValue> values = tested.metrics();
    ASSERT_EQ(values.size(), cases[i]["metrics"].size());
    for (const MetricValue& metric : values) {
      const Json& expected = cases[i]["metrics"].at(metric.name);
      EXPECT_EQ(std::isnan(metric.value), expected.is_null()) << "case " << i << " " << metric.name;
      if (!expected.is_null()) {
        EXPECT_NEAR(metric.value, expected.get<double>(), 1e-9) << "case " << i << " " << metric.name;
      }
    }
  }
}

TEST(LinkMetrics, NamesStandInTheOrderOfTheTaskType) {
  const std::vector<MetricValue> values = case_of({{1}}, {{1}}, 1).metrics();
  std::vector<std::string> names;
  for (const MetricValue& metric : values) names.push_back(metric.name);
  EXPECT_EQ(names, metric_names(TaskType::kLinkPrediction));
}

TEST(LinkMetrics, ByHand) {
  // Hits at ranks 1 and 3 of k = 4; five targets.
  const Case tested = case_of({{2, 4, 6, 8, kUnknown}}, {{4, 1, 2, 3}}, 4);
  EXPECT_DOUBLE_EQ(map_of(tested), (1.0 + 2.0 / 3) / 4);
  EXPECT_DOUBLE_EQ(precision_of(tested), 0.5);
  EXPECT_DOUBLE_EQ(recall_of(tested), 0.4);
}

TEST(LinkMetrics, OnlyTheFirstKCountAndShortListsAreNoError) {
  EXPECT_EQ(map_of(case_of({{5}}, {{1, 2, 5}}, 2)), 0);
  EXPECT_DOUBLE_EQ(precision_of(case_of({{5}}, {{5}}, 4)), 0.25);
  EXPECT_EQ(map_of(case_of({{5}}, {{}}, 4)), 0);
}

TEST(LinkMetrics, RowsWithoutLabelOrTargetsAreLeftOut) {
  Case tested = case_of({{1}, {}, {2}}, {{1}, {5}, {7}}, 1);
  EXPECT_DOUBLE_EQ(map_of(tested), 0.5);
  tested.labels.has_label = {1, 1, 0};
  EXPECT_DOUBLE_EQ(map_of(tested), 1.0);
  tested.labels.has_label = {0, 1, 0};
  EXPECT_TRUE(std::isnan(map_of(tested)));
  tested.labels.labelled = false;
  EXPECT_TRUE(std::isnan(recall_of(tested)));
}

Case random_case(RngStream& random) {
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random.below(static_cast<uint64_t>(n))); };
  const int64_t k = 1 + below(6), rows = 1 + below(5);
  Lists targets, ranked;
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<int64_t> nodes(12);
    std::iota(nodes.begin(), nodes.end(), int64_t{0});
    const auto draw = [&](int64_t count) {
      for (size_t i = nodes.size() - 1; i > 0; --i)
        std::swap(nodes[i], nodes[static_cast<size_t>(below(static_cast<int64_t>(i) + 1))]);
      return std::vector<int64_t>(nodes.begin(), nodes.begin() + count);
    };
    std::vector<int64_t> own = draw(1 + below(8));
    std::sort(own.begin(), own.end());
    targets.push_back(own);
    ranked.push_back(draw(k));
  }
  return case_of(targets, ranked, k);
}

bool is_hit(const Case& tested, int64_t row, int64_t at) {
  const auto i = static_cast<size_t>(row);
  return std::binary_search(tested.labels.targets.begin() + tested.labels.target_offsets[i],
                            tested.labels.targets.begin() + tested.labels.target_offsets[i + 1],
                            tested.ranked.target[static_cast<size_t>(at)]);
}

// Calls change(row, begin, end) with the part of each row's list that ends in its last hit.
template <typename Change>
void for_each_row(const Case& tested, Change&& change) {
  for (int64_t row = 0; row < tested.labels.rows; ++row) {
    const int64_t begin = tested.ranked.offsets[static_cast<size_t>(row)];
    int64_t end = tested.ranked.offsets[static_cast<size_t>(row) + 1];
    while (end > begin && !is_hit(tested, row, end - 1)) --end;
    change(row, begin, end);
  }
}

void swap_with_former(int64_t at, Case& tested) {
  std::vector<NodeId>& target = tested.ranked.target;
  std::swap(target[static_cast<size_t>(at)], target[static_cast<size_t>(at) - 1]);
}

// The lists end in their last hit.
Case without_last_misses(const Case& tested) {
  Case out = tested;
  out.ranked = RankedTargets{{0}, {}, {}};
  for_each_row(tested, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at)
      out.ranked.target.push_back(tested.ranked.target[static_cast<size_t>(at)]);
    out.ranked.offsets.push_back(static_cast<int64_t>(out.ranked.target.size()));
  });
  out.ranked.score.resize(out.ranked.target.size());
  return out;
}

// Neighbours of one kind, hits or misses, change places.
Case with_equals_swapped(const Case& tested) {
  Case out = tested;
  for_each_row(tested, [&](int64_t row, int64_t begin, int64_t end) {
    for (int64_t at = begin + 1; at < end; ++at)
      if (is_hit(out, row, at) == is_hit(out, row, at - 1)) swap_with_former(at, out);
  });
  return out;
}

// Hits change places with the miss before them.
Case with_hits_raised(const Case& tested) {
  Case out = tested;
  for_each_row(tested, [&](int64_t row, int64_t begin, int64_t end) {
    for (int64_t at = begin + 1; at < end; ++at)
      if (is_hit(out, row, at) && !is_hit(out, row, at - 1)) swap_with_former(at, out);
  });
  return out;
}

TEST(LinkMetrics, Properties) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    RngStream random(RngKey(seed).with("rankings"));
    const Case tested = random_case(random);
    const double map = map_of(tested), precision = precision_of(tested), recall = recall_of(tested);
    for (const double value : {map, precision, recall}) {
      EXPECT_GE(value, 0);
      EXPECT_LE(value, 1);
    }
    for (const Case& same : {without_last_misses(tested), with_equals_swapped(tested)}) {
      EXPECT_EQ(map_of(same), map);
      EXPECT_EQ(precision_of(same), precision);
      EXPECT_EQ(recall_of(same), recall);
    }
    const Case better = with_hits_raised(tested);
    EXPECT_EQ(precision_of(better), precision);
    EXPECT_EQ(recall_of(better), recall);
    if (better.ranked.target != tested.ranked.target) {
      EXPECT_GT(map_of(better), map);
    }
  }
}

}  // namespace
}  // namespace rle
