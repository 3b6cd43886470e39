#include "bench/cost_model.h"

#include <gtest/gtest.h>

namespace rle {
namespace {

constexpr double kMap = 2.0 * 8 * 8;  // flop of one map of a vector of 8 channels

// Users and their orders: one user is the seed, reached back by three orders of two days.
struct SmallStep {
  SmallStep() {
    definition.graph.node_types = {{"users", 5, false}, {"orders", 9, true}};
    definition.graph.edge_types = {{"f2p_user", NodeTypeId(1), NodeTypeId(0)},
                                   {"rev_f2p_user", NodeTypeId(0), NodeTypeId(1)}};
    definition.config.channels = 8;
    definition.config.encoder_blocks = 2;
    definition.config.conv_aggregation = Aggregation::kSum;
    definition.statistics.resize(2);
    definition.statistics[1].columns.resize(2);
    definition.statistics[1].columns[1].dtype = Dtype::kCategory;
    batch.seeds = 1;
    batch.nodes = {{{0}, {0}, {}, {1, 1, 1}, {3}, {}},
                   {{0, 1, 2}, {0, 0, 0}, {0, 1, 1}, {0, 3, 3}, {2, 4, 7}, {5, 9}}};
    batch.edges = {{{0, 3}, {0, 1, 2}}, {{0, 1, 2, 3}, {0, 0, 0}}};
    features.resize(2);
    features[1].columns.resize(2);
    features[1].columns[1].category.distinct = {1, 4};
  }
  Cost part(const std::string& name) const {
    for (const auto& [part, cost] : step_costs(definition, {&batch, &features, nullptr}, 100))
      if (part == name) return cost;
    throw std::runtime_error("no part " + name);
  }
  ModelDefinition definition;
  Batch batch;
  std::vector<FeatureRows> features;
};

TEST(CostModel, EncoderCountsMapsOfDistinctRowsAndFoldedColumns) {
  const SmallStep step;
  // 4 distinct rows through lin2 of the first block and both maps of the second; a constant for the user;
  // amount and its presence for the orders, two sides; two kinds through both sides.
  const double maps = 4 * 3 * kMap, dense = 1 * 2 * 1 * 8 * 2.0 + 3 * 2 * 2 * 8 * 2.0, kinds = 2 * 2 * kMap;
  EXPECT_EQ(step.part("encoder forward").flop, maps + dense + kinds);
  EXPECT_EQ(step.part("encoder backward").flop, 2 * maps + dense + 2 * kinds);
  EXPECT_EQ(step.part("temporal forward").bytes, 2 * 8 * 4);
}

TEST(CostModel, WithoutBlocksOneFoldedMapIsLeft) {
  SmallStep step;
  step.definition.config.encoder_blocks = 0;
  EXPECT_EQ(step.part("encoder forward").flop, 1 * 2 * 1 * 8 + 3 * 2 * 2 * 8 + 2 * kMap);
}

TEST(CostModel, MessagesAreMappedOnTheSmallerSide) {
  const SmallStep step;
  // Layer 1: one user with orders, and 3 orders whose users are 1 distinct row: 1 product each, roots of 4
  // nodes, 2 ages. Layer 2: the seed alone. Backward no vector of an age needs a gradient.
  EXPECT_EQ(step.part("message passing forward").flop, (1 + 1 + 4 + 2 + 1 + 1) * kMap);
  EXPECT_EQ(step.part("message passing backward").flop, (2 * (1 + 1 + 4 + 1 + 1) + 2) * kMap);
  SmallStep greatest;
  greatest.definition.config.conv_aggregation = Aggregation::kMax;  // is not linear: per target
  EXPECT_EQ(greatest.part("message passing forward").flop, (1 + 3 + 4 + 2 + 1 + 1) * kMap);
}

TEST(CostModel, BytesOfOptimizerAndEdges) {
  const SmallStep step;
  EXPECT_EQ(step.part("optimizer").bytes, 100 * 28);
  // Layer 1: 3 edges from orders read a row's and an age's vector, 3 edges from the user one; 4 targets with
  // edges and 4 roots. Layer 2: 3 edges, one target with edges, one root.
  EXPECT_EQ(step.part("message passing forward").bytes, 8 * 4 * (3 * 2 + 3 + 4 + 2 * 4 + 3 + 1 + 2 * 1));
}

// Folded columns and the head stay in fp32.
TEST(CostModel, TheLargeProductsAreBf16WhereTheModelIs) {
  SmallStep step;
  const StepCosts fp32 = step_costs(step.definition, {&step.batch, &step.features, nullptr}, 100);
  step.definition.config.precision = Precision::kBf16;
  const StepCosts bf16 = step_costs(step.definition, {&step.batch, &step.features, nullptr}, 100);
  for (size_t i = 0; i < fp32.size(); ++i) {
    EXPECT_EQ(fp32[i].second.bf16_flop, 0) << fp32[i].first;
    EXPECT_EQ(bf16[i].second.all_flop(), fp32[i].second.flop) << fp32[i].first;
    EXPECT_EQ(bf16[i].second.bytes, fp32[i].second.bytes) << fp32[i].first;
  }
  EXPECT_EQ(step.part("encoder forward").bf16_flop, 4 * 3 * kMap);
  EXPECT_EQ(step.part("encoder backward").bf16_flop, 2 * 4 * 3 * kMap);
  EXPECT_EQ(step.part("message passing forward").flop, 0);
  EXPECT_EQ(step.part("message passing backward").flop, 0);
  EXPECT_EQ(step.part("head and loss").bf16_flop, 0);
}

TEST(CostModel, TheSlowerOfProductsAndMemoryIsTheLimit) {
  const Peaks peaks{.fp32_gflop_s = 100, .bf16_gflop_s = 200, .copy_gb_s = 10};
  EXPECT_DOUBLE_EQ(least_seconds({1e9, 1e6}, peaks), 0.01);
  EXPECT_DOUBLE_EQ(least_seconds({0, 1e6, 1e9}, peaks), 0.005);
  EXPECT_DOUBLE_EQ(least_seconds({1e9, 1e6, 2e9}, peaks), 0.02);
  EXPECT_DOUBLE_EQ(least_seconds({1e9, 1e9}, peaks), 0.1);
  EXPECT_DOUBLE_EQ(least_seconds({1e9, 1e6}, {.fp32_gflop_s = 100, .copy_gb_s = 10}), 0.01);
  StepCosts sum;
  add_costs({{"a", {1, 2, 3}}}, sum);
  add_costs({{"a", {10, 20, 30}}}, sum);
  EXPECT_EQ(sum[0].second.flop, 11);
  EXPECT_EQ(sum[0].second.bytes, 22);
  EXPECT_EQ(sum[0].second.bf16_flop, 33);
}

TEST(Peaks, AreThoseOfAMachine) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer watches every access: what is left is no peak";
#endif
  const Peaks peaks = measure_peaks(active_isa());
  EXPECT_GT(peaks.fp32_gflop_s, 1);
  EXPECT_GT(peaks.copy_gb_s, 0.1);
}

}  // namespace
}  // namespace rle
