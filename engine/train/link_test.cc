// Link tasks from tables to ranked targets: what a batch holds, gradients, learning, ranking against a plain
// version, and that nothing later than a seed is ever used.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "model/slope_testing.h"
#include "train/fit.h"
#include "train/link_loader.h"
#include "train/link_ranking.h"
#include "train/link_test_data.h"
#include "train/link_testing.h"

namespace rle {
namespace {

using namespace test_data;

TrainConfig config_of(Readout readout) {
  TrainConfig config = link_config(readout);
  config.sampler.bidirectional = reads_targets(readout);
  return config;
}

class LinkTest : public ::testing::TestWithParam<Readout> {
 protected:
  LinkTest()
      : dataset_(link_dataset(shop_, link_task(link_type_of(GetParam())), pool_, report_)),
        config_(config_of(GetParam())) {}

  std::span<const NodeId> positives(int64_t row) const {
    const LabelTable& labels = *dataset_.train;
    const int64_t begin = labels.target_offsets[static_cast<size_t>(row)];
    const int64_t end = labels.target_offsets[static_cast<size_t>(row) + 1];
    return {labels.targets.data() + begin, static_cast<size_t>(end - begin)};
  }
  ScoreOptions options() const {
    return {.sampler = config_.sampler, .bounds = {}, .seed = config_.seed, .batch_size = 7};
  }

  LinkShop shop_ = make_link_shop();
  ThreadPool pool_{1};
  ReportLines report_;
  Dataset dataset_;
  TrainConfig config_;
};

TEST_P(LinkTest, PairsNameTargetsThatAreVisibleAndNegativesThatAreNoPositives) {
  LinkLoader loader(dataset_, *dataset_.train, config_);
  const std::vector<int64_t> rows = rows_with_targets(*dataset_.train);
  LoadedBatch batch;
  std::map<int64_t, std::set<NodeId>> drawn;
  for (uint64_t epoch = 0; epoch < 20; ++epoch) {
    loader.load(rows, RngKey(epoch), pool_, batch);
    const NodeBlock& products = batch.batch.nodes[dataset_.target_type.index()];
    for (size_t n = 0; n < products.row.size(); ++n) {
      const NodeId node = products.distinct[static_cast<size_t>(products.row[n])];
      ASSERT_LE(dataset_.graph.node_time_us(dataset_.target_type, node),
                batch.seeds.time_us[static_cast<size_t>(products.seed[n])]);
    }
    if (GetParam() == Readout::kTargets) {
      for (size_t n = 0; n < products.row.size(); ++n) {
        const std::span<const NodeId> linked = positives(rows[static_cast<size_t>(products.seed[n])]);
        const NodeId node = products.distinct[static_cast<size_t>(products.row[n])];
        ASSERT_EQ(batch.value[n] == 1.0f, std::count(linked.begin(), linked.end(), node) > 0);
      }
      continue;
    }
    const LoadedPairs& pairs = batch.pairs;
    ASSERT_EQ(pairs.source.size(), rows.size());
    for (size_t p = 0; p < pairs.source.size(); ++p) {
      const int64_t row = rows[static_cast<size_t>(pairs.source[p])];
      const std::span<const NodeId> linked = positives(row);
      const auto check = [&](int32_t seed, bool positive) {
        if (seed < 0) return;
        ASSERT_GE(seed, batch.size());
        const NodeId node = batch.seeds.nodes[static_cast<size_t>(seed)];
        ASSERT_EQ(batch.seeds.time_us[static_cast<size_t>(seed)],
                  dataset_.train->time_us[static_cast<size_t>(row)]);
        ASSERT_EQ(std::count(linked.begin(), linked.end(), node), positive ? 1 : 0);
        if (positive) drawn[row].insert(node);
      };
      check(pairs.positive[p], true);
      for (int64_t k = 0; k < pairs.negatives; ++k)
        check(pairs.negative[p * static_cast<size_t>(pairs.negatives) + static_cast<size_t>(k)], false);
    }
  }
  if (GetParam() != Readout::kTowers) return;
  for (const int64_t row : rows) EXPECT_EQ(drawn[row].size(), positives(row).size()) << "each comes in turn";
}

TEST_P(LinkTest, GradientsAreSlopesOfTheLoss) {
  LinkLoader loader(dataset_, *dataset_.train, config_);
  LoadedBatch batch;
  loader.load(rows_with_targets(*dataset_.train), RngKey(3), pool_, batch);
  config_.model.dropout = 0;
  RelationalModel model(make_definition(dataset_, config_), 5);
  const LossKind kind = loss_kind(dataset_.task.type, config_.model);
  const auto loss = [&] {
    return model.train_step(batch.input(), kind, batch.targets(0), RngKey(1), pool_).loss;
  };
  EXPECT_GT(expect_gradients_are_slopes(model, loss).parameters, 10);
}

TEST_P(LinkTest, LearnsWhatCustomersBuyWithTheSameBitsOnAnyNumberOfThreads) {
  std::vector<float> first;
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    const FitResult result = fit(dataset_, config_, pool, report_);
    const Evaluation evaluation = evaluate(*result.model, dataset_, *dataset_.test, options(), pool);
    EXPECT_GT(evaluation.metrics[0].value, GetParam() == Readout::kTowers ? 0.15 : 0.25);
    if (first.empty()) first = evaluation.ranked.score;
    EXPECT_EQ(evaluation.ranked.score, first) << threads << " threads";
  }
}

// Each row's targets by their scores alone, with another batch size.
TEST_P(LinkTest, RankingIsThatOfAllScores) {
  RelationalModel model(make_definition(dataset_, config_), 11);
  const RankedTargets ranked = rank_links(model, dataset_, *dataset_.test, options(), pool_);
  ASSERT_EQ(ranked.rows(), dataset_.test->rows);
  const std::vector<NodeId> visible = visible_targets(dataset_, day(100));
  ASSERT_EQ(visible.size(), static_cast<size_t>(kLinkProducts));
  ScoreOptions all = options();
  all.batch_size = 64;
  Dataset longer = dataset_;
  longer.task.eval_k = kLinkProducts;
  const RankedTargets full = rank_links(model, longer, *dataset_.test, all, pool_);
  for (int64_t row = 0; row < ranked.rows(); ++row) {
    const int64_t a = ranked.offsets[static_cast<size_t>(row)], b = full.offsets[static_cast<size_t>(row)];
    const int64_t n = ranked.offsets[static_cast<size_t>(row) + 1] - a;
    const int64_t m = full.offsets[static_cast<size_t>(row) + 1] - b;
    if (GetParam() != Readout::kTargets) {
      EXPECT_EQ(m, kLinkProducts);
    }
    EXPECT_EQ(n, std::min<int64_t>(m, 5));
    EXPECT_EQ(std::set<NodeId>(full.target.begin() + b, full.target.begin() + b + m).size(),
              static_cast<size_t>(m));
    for (int64_t i = 0; i < m; ++i) {
      const auto at = static_cast<size_t>(b + i);
      if (i > 0) {
        EXPECT_GE(full.score[at - 1], full.score[at]);
      }
      if (i < n) {
        EXPECT_NEAR(ranked.score[static_cast<size_t>(a + i)], full.score[at], 1e-5);
      }
    }
  }
  if (GetParam() == Readout::kTowers) {
    const std::vector<float> items =
        link_vectors(model, dataset_, dataset_.target_type, visible, day(100), all, pool_);
    const std::vector<float> sources =
        link_vectors(model, dataset_, dataset_.entity_type, {dataset_.test->entity[0]}, day(100), all, pool_);
    for (int64_t i = 0; i < kLinkProducts; ++i) {
      const auto item = std::find(visible.begin(), visible.end(), full.target[static_cast<size_t>(i)]);
      const float* vector = items.data() + (item - visible.begin()) * config_.model.channels;
      EXPECT_NEAR(std::inner_product(sources.begin(), sources.end(), vector, 0.0f),
                  full.score[static_cast<size_t>(i)], 1e-4);
    }
  }
}

// Products are in the last hop: one way no message reaches them, so that all who bought one score it alike.
TEST_P(LinkTest, BothWaysTheLastHopHearsOfItsSeed) {
  if (GetParam() != Readout::kTargets) return;
  RelationalModel model(make_definition(dataset_, config_), 11);
  for (const bool bidirectional : {false, true}) {
    ScoreOptions with = options();
    with.sampler.bidirectional = bidirectional;
    const RankedTargets ranked = rank_links(model, dataset_, *dataset_.test, with, pool_);
    std::map<NodeId, std::set<float>> scores;
    for (size_t e = 0; e < ranked.target.size(); ++e) scores[ranked.target[e]].insert(ranked.score[e]);
    size_t different = 0;
    for (const auto& [target, of_target] : scores) different += of_target.size();
    EXPECT_GT(ranked.target.size(), 2 * scores.size());
    if (bidirectional) {
      EXPECT_EQ(different, ranked.target.size());
    } else {
      EXPECT_EQ(different, scores.size());
    }
  }
}

int64_t hop_of(const NodeBlock& block, int64_t node) {
  return std::upper_bound(block.hop_end.begin(), block.hop_end.end(), node) - block.hop_end.begin();
}

// Edges to sources that are more than one hop farther from the seed than their target.
int64_t far_edges(const Dataset& dataset, const Batch& batch) {
  int64_t far = 0;
  for (size_t e = 0; e < batch.edges.size(); ++e) {
    const EdgeTypeInfo& info = dataset.graph.schema().edge_types[e];
    const EdgeBlock& edges = batch.edges[e];
    for (int64_t t = 0; t + 1 < static_cast<int64_t>(edges.offsets.size()); ++t)
      for (int32_t j = edges.offsets[static_cast<size_t>(t)]; j < edges.offsets[static_cast<size_t>(t) + 1];
           ++j)
        far += hop_of(batch.nodes[info.source.index()], edges.source[static_cast<size_t>(j)]) >
               hop_of(batch.nodes[info.target.index()], t) + 1;
  }
  return far;
}

// More hops than layers, few newest rows: a customer hears of orders that were reached by their products.
TEST_P(LinkTest, BothWaysSeedsReadNodesOfAnyHop) {
  config_.sampler = {{3, 3, 3, 3}, TemporalStrategy::kLast, true, true};
  LinkLoader loader(dataset_, *dataset_.train, config_);
  LoadedBatch loaded;
  loader.load(rows_with_targets(*dataset_.train), RngKey(3), pool_, loaded);
  EXPECT_GT(far_edges(dataset_, loaded.batch), 3);
  RelationalModel model(make_definition(dataset_, config_), 5);
  ModelOutputs trimmed, all;
  EXPECT_EQ(model.predict(loaded.input(), pool_, trimmed), "");
  loaded.batch.bidirectional = false;
  for (NodeBlock& block : loaded.batch.nodes)
    std::fill(block.hop_end.begin() + 1, block.hop_end.end(), block.nodes());
  EXPECT_EQ(model.predict(loaded.input(), pool_, all), "");
  EXPECT_EQ(trimmed.seeds, all.seeds);
  EXPECT_EQ(trimmed.targets, all.targets);
}

// At three times, of which each has its own targets.
TEST_P(LinkTest, DotProductsOfVectorsAreScores) {
  RelationalModel model(make_definition(dataset_, config_), 11);
  const LabelTable& labels = *dataset_.train;
  dataset_.task.eval_k = kLinkProducts;
  ScoredVectors vectors;
  ScoreOptions with = options();
  with.vectors = &vectors;
  const RankedTargets ranked = rank_links(model, dataset_, labels, with, pool_);
  EXPECT_EQ(ranked.score, rank_links(model, dataset_, labels, options(), pool_).score);
  const auto channels = static_cast<size_t>(config_.model.channels);
  ASSERT_EQ(vectors.rows.size(), static_cast<size_t>(labels.rows) * channels);
  ASSERT_EQ(vectors.targets.size(), vectors.target.size() * channels);
  std::map<std::pair<int64_t, NodeId>, size_t> place;
  for (size_t i = 0; i < vectors.target.size(); ++i)
    place[{vectors.target_time_us[i], vectors.target[i]}] = i;
  size_t visible = 0;
  for (const int64_t at : {30, 45, 60}) visible += visible_targets(dataset_, day(at)).size();
  EXPECT_EQ(place.size(), visible);
  EXPECT_EQ(vectors.target.size(), visible);
  if (GetParam() == Readout::kTargets) return;  // pairs are scored in the seed's subgraph
  for (int64_t row = 0; row < labels.rows; ++row) {
    const float* source = vectors.rows.data() + static_cast<size_t>(row) * channels;
    std::map<int64_t, int> beyond;  // how often a score lies that much above the dot product
    for (int64_t e = ranked.offsets[static_cast<size_t>(row)];
         e < ranked.offsets[static_cast<size_t>(row) + 1]; ++e) {
      const size_t at =
          place.at({labels.time_us[static_cast<size_t>(row)], ranked.target[static_cast<size_t>(e)]});
      const float dot =
          std::inner_product(source, source + channels, vectors.targets.data() + at * channels, 0.0f);
      const float score = ranked.score[static_cast<size_t>(e)];
      if (GetParam() == Readout::kTowers) {
        ASSERT_NEAR(dot, score, 1e-5 * std::max(1.0f, std::abs(score)));
      }
      ++beyond[std::llround((score - dot) * 1e3)];
    }
    const auto common = std::max_element(beyond.begin(), beyond.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
    EXPECT_GT(common->second, 3) << "fusion: targets outside of the subgraph share what is added";
  }
}

// Full neighbourhoods are what sampling gives where every fanout is larger than any list.
TEST_P(LinkTest, ExactRankingIsThatOfUnlimitedFanouts) {
  RelationalModel model(make_definition(dataset_, config_), 11);
  ScoreOptions exact = options();
  exact.inference = InferenceMode::kExact;
  if (GetParam() != Readout::kTowers) {
    EXPECT_TRUE(contains(
        error_of([&] { rank_links(model, dataset_, *dataset_.test, exact, pool_); }, ErrorCode::kSpec),
        "id_awareness"));
    return;
  }
  ScoreOptions wide = options();
  wide.sampler.fanouts = {10'000, 10'000};
  const RankedTargets a = rank_links(model, dataset_, *dataset_.test, exact, pool_);
  const RankedTargets b = rank_links(model, dataset_, *dataset_.test, wide, pool_);
  ASSERT_EQ(a.score.size(), b.score.size());
  for (size_t i = 0; i < a.score.size(); ++i)
    EXPECT_NEAR(a.score[i], b.score[i], 1e-4 * std::max(1.0f, std::abs(b.score[i])));
}

// The future scrambled and deleted: rows after the seed's time change no score and no rank.
TEST_P(LinkTest, TheFutureChangesNothing) {
  RelationalModel model(make_definition(dataset_, config_), 11);
  LinkShop past = shop_;
  for (Table& t : past.tables) drop_rows_after(t, day(80));
  const Dataset shorter = link_dataset(past, dataset_.task, pool_, report_);
  const RankedTargets whole = rank_links(model, dataset_, *dataset_.validation, options(), pool_);
  const RankedTargets cut = rank_links(model, shorter, *shorter.validation, options(), pool_);
  EXPECT_EQ(whole.target, cut.target);
  EXPECT_EQ(whole.score, cut.score);
}

INSTANTIATE_TEST_SUITE_P(Readouts, LinkTest, ::testing::ValuesIn(kLinkReadouts), link_readout_name);

}  // namespace
}  // namespace rle
