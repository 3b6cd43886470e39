// Link tasks at their edges: one table at both ends, seeds without any visible target, tasks without time,
// tables apart, every norm and aggregation, and batches that the future does not change.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

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
  config.n_epochs = 1;
  return config;
}

// People who joined one after the other, and follow those who were there.
LinkShop make_people() {
  constexpr int64_t kPeople = 30;
  std::vector<int64_t> id, joined, who, whom, at;
  RngStream stream{RngKey(5)};
  for (int64_t p = 0; p < kPeople; ++p) {
    id.push_back(100 + p);
    joined.push_back(day(p));
    for (int64_t n = 0; n < 4 && p > 0; ++n) {
      who.push_back(100 + p);
      whom.push_back(100 + static_cast<int64_t>(stream.below(static_cast<uint64_t>(p))));
      at.push_back(day(p + 3 * n));
    }
  }
  TableSchema of_follows = schema("orders", "at");
  of_follows.foreign_keys = {{"who", "customers", "id"}, {"whom", "customers", "id"}};
  LinkShop people;
  people.tables.push_back(
      table(schema("customers", "joined", "id"), {ints("id", id), times("joined", joined)}));
  people.tables.push_back(table(of_follows, {ints("who", who), ints("whom", whom), times("at", at)}));
  for (Table& t : people.tables) sort_canonically(t);
  const auto labels = [&](std::string name, const std::vector<int64_t>& days) {
    std::vector<int64_t> entity, when;
    std::vector<std::vector<int64_t>> targets;
    for (const int64_t d : days)
      for (int64_t p = 0; p <= d && p < kPeople; ++p) {
        std::set<int64_t> followed;
        for (size_t i = 0; i < who.size(); ++i)
          if (who[i] == 100 + p && at[i] > day(d) && at[i] <= day(d + 9)) followed.insert(whom[i]);
        entity.push_back(100 + p);
        when.push_back(day(d));
        targets.emplace_back(followed.begin(), followed.end());
      }
    return link_label_table(std::move(name), entity, when, targets);
  };
  people.train = labels("train", {10, 14});
  people.validation = labels("validation", {20});
  people.test = labels("test", {25});
  return people;
}

class LinkEdge : public ::testing::TestWithParam<Readout> {
 protected:
  TaskSpec task() const { return link_task(link_type_of(GetParam())); }
  ScoreOptions options(const TrainConfig& config, int64_t batch_size = 7) const {
    return {.sampler = config.sampler, .bounds = {}, .seed = config.seed, .batch_size = batch_size};
  }
  // A model of its initial values.
  RelationalModel model(const Dataset& dataset, const TrainConfig& config) const {
    return RelationalModel(make_definition(dataset, config), 11);
  }
  void load(const Dataset& dataset, const TrainConfig& config, LoadedBatch& batch) {
    LinkLoader loader(dataset, *dataset.train, config);
    loader.load(rows_with_targets(*dataset.train), RngKey(3), pool_, batch);
  }

  ThreadPool pool_{2};
  ReportLines report_;
};

// Each row's targets: distinct, and there at its time. Returns how many there are in all.
size_t check_lists(const Dataset& dataset, const LabelTable& labels, const RankedTargets& ranked) {
  EXPECT_EQ(ranked.rows(), labels.rows);
  for (int64_t row = 0; row < ranked.rows(); ++row) {
    const auto begin = ranked.target.begin() + ranked.offsets[static_cast<size_t>(row)];
    const auto end = ranked.target.begin() + ranked.offsets[static_cast<size_t>(row) + 1];
    EXPECT_EQ(std::set<NodeId>(begin, end).size(), static_cast<size_t>(end - begin)) << "row " << row;
    std::optional<int64_t> time_us;
    if (!labels.time_us.empty()) time_us = labels.time_us[static_cast<size_t>(row)];
    const int64_t visible =
        count_visible(dataset.graph, dataset.target_type, time_us, dataset.task.current_time);
    EXPECT_LE(end - begin, std::min(visible, dataset.task.eval_k));
    for (auto target = begin; target != end; ++target) EXPECT_LT(int64_t{*target}, visible) << "row " << row;
  }
  return ranked.target.size();
}

TEST_P(LinkEdge, OneTableMayBeSourceAndTarget) {
  for (const bool current_time : {true, false}) {
    SCOPED_TRACE(current_time ? "rows of the seed's own time are seen" : "they are not");
    TaskSpec people = task();
    people.target_table = "customers";
    people.current_time = current_time;
    const LinkShop shop = make_people();
    const Dataset dataset = link_dataset(shop, people, pool_, report_);
    const TrainConfig config = config_of(GetParam());
    const FitResult result = fit(dataset, config, pool_, report_);
    for (const std::optional<LabelTable>* labels : {&dataset.train, &dataset.validation, &dataset.test}) {
      const RankedTargets ranked = rank_links(*result.model, dataset, **labels, options(config), pool_);
      EXPECT_GT(check_lists(dataset, **labels, ranked), 0u);
    }
    LoadedBatch batch;
    load(dataset, config, batch);
    RelationalModel own = model(dataset, config);
    const LossKind kind = loss_kind(dataset.task.type, config.model);
    expect_gradients_are_slopes(
        own, [&] { return own.train_step(batch.input(), kind, batch.targets(0), RngKey(1), pool_).loss; });
  }
}

TEST_P(LinkEdge, OptionsHaveTheSlopesOfTheirLossAndTheSameBitsOnAnyNumberOfThreads) {
  const std::pair<const char*, void (*)(TrainConfig&)> changes[] = {
      {"batch norm", [](TrainConfig& c) { c.model.gnn_norm = Norm::kBatch; }},
      {"maximum over neighbours", [](TrainConfig& c) { c.model.conv_aggregation = Aggregation::kMax; }},
      {"maximum over types", [](TrainConfig& c) { c.model.hetero_conv_aggregation = Aggregation::kMax; }},
      {"head with batch norm", [](TrainConfig& c) { c.model.head_layers = 2; }},
      {"marked seeds", [](TrainConfig& c) { c.model.id_awareness = true; }},
      {"marked seeds, maximum",
       [](TrainConfig& c) {
         c.model.id_awareness = true;
         c.model.conv_aggregation = Aggregation::kMax;
       }},
      {"more layers than hops", [](TrainConfig& c) { c.model.gnn_layers = 4; }},
      {"fewer layers than hops", [](TrainConfig& c) { c.model.gnn_layers = 1; }},
  };
  const LinkShop shop = make_link_shop();
  const Dataset dataset = link_dataset(shop, task(), pool_, report_);
  for (const auto& [name, change] : changes) {
    SCOPED_TRACE(name);
    TrainConfig config = config_of(GetParam());
    change(config);
    config.model.channels = 8;
    LoadedBatch batch;
    load(dataset, config, batch);
    const LossKind kind = loss_kind(dataset.task.type, config.model);
    RelationalModel own = model(dataset, config);
    const auto loss = [&] {
      return own.train_step(batch.input(), kind, batch.targets(0), RngKey(1), pool_).loss;
    };
    EXPECT_GT(expect_gradients_are_slopes(own, loss).parameters, 10);
    std::vector<float> first;
    for (const int threads : {1, 3}) {
      ThreadPool pool(threads);
      RelationalModel again = model(dataset, config);
      again.train_step(batch.input(), kind, batch.targets(0), RngKey(1), pool);
      if (first.empty()) first = again.parameters().gradients();
      EXPECT_EQ(again.parameters().gradients(), first);
    }
    // In evaluation no seed's scores depend on the others of its batch.
    const RankedTargets few = rank_links(own, dataset, *dataset.test, options(config, 3), pool_);
    const RankedTargets many = rank_links(own, dataset, *dataset.test, options(config, 64), pool_);
    EXPECT_EQ(few.target, many.target);
    EXPECT_EQ(few.score, many.score);
  }
}

TEST_P(LinkEdge, ATaskMayHaveNoTime) {
  const LinkShop shop = make_link_shop();
  TaskSpec timeless = task();
  timeless.time_column = std::nullopt;
  const Dataset dataset = link_dataset(shop, timeless, pool_, report_);
  const TrainConfig config = config_of(GetParam());
  const FitResult result = fit(dataset, config, pool_, report_);
  EXPECT_EQ(visible_targets(dataset, std::nullopt).size(), static_cast<size_t>(kLinkProducts));
  const RankedTargets ranked = rank_links(*result.model, dataset, *dataset.test, options(config), pool_);
  EXPECT_GT(check_lists(dataset, *dataset.test, ranked), 0u);
}

// Before the first product there is nothing to rank, and after the last row nothing is missing.
TEST_P(LinkEdge, ASeedWithoutAVisibleTargetHasAnEmptyList) {
  LinkShop shop = make_link_shop();
  shop.test = link_labels("test", link_orders(1), {-5, 100});
  const Dataset dataset = link_dataset(shop, task(), pool_, report_);
  const TrainConfig config = config_of(GetParam());
  RelationalModel own = model(dataset, config);
  const RankedTargets ranked = rank_links(own, dataset, *dataset.test, options(config), pool_);
  check_lists(dataset, *dataset.test, ranked);
  EXPECT_EQ(ranked.offsets[static_cast<size_t>(kLinkCustomers)], 0);
  EXPECT_GT(ranked.offsets.back(), 0);
  const Evaluation evaluation = evaluate(own, dataset, *dataset.test, options(config), pool_);
  for (const MetricValue& metric : evaluation.metrics) EXPECT_FALSE(std::isnan(metric.value)) << metric.name;
}

TEST_P(LinkEdge, NoRowsGiveNoLists) {
  LinkShop shop = make_link_shop();
  shop.test = link_labels("test", link_orders(1), {});
  const Dataset dataset = link_dataset(shop, task(), pool_, report_);
  const TrainConfig config = config_of(GetParam());
  RelationalModel own = model(dataset, config);
  const RankedTargets ranked = rank_links(own, dataset, *dataset.test, options(config), pool_);
  EXPECT_EQ(ranked.rows(), 0);
  EXPECT_TRUE(ranked.target.empty());
}

// Customers whom no key leads to or from: their vectors come from their own columns alone.
TEST_P(LinkEdge, TheEntitiesMayBeLinkedToNothing) {
  LinkShop shop = make_link_shop();
  for (Table& t : shop.tables)
    if (t.schema.name == "orders")
      std::erase_if(t.schema.foreign_keys, [](const ForeignKey& key) { return key.column == "customer"; });
  const Dataset dataset = link_dataset(shop, task(), pool_, report_);
  TrainConfig config = config_of(GetParam());
  config.model.id_awareness = true;
  LoadedBatch batch;
  if (reads_targets(GetParam())) {
    EXPECT_TRUE(contains(error_of([&] { load(dataset, config, batch); }, ErrorCode::kSpec),
                         "no foreign keys lead from table 'customers' to table 'products'"));
    return;
  }
  load(dataset, config, batch);
  const LossKind kind = loss_kind(dataset.task.type, config.model);
  RelationalModel own = model(dataset, config);
  const SlopesCompared compared = expect_gradients_are_slopes(
      own, [&] { return own.train_step(batch.input(), kind, batch.targets(0), RngKey(1), pool_).loss; });
  EXPECT_GT(compared.parameters, 10);
  const RankedTargets ranked = rank_links(own, dataset, *dataset.test, options(config), pool_);
  check_lists(dataset, *dataset.test, ranked);
  EXPECT_EQ(ranked.offsets.back(), dataset.test->rows * 5);
}

// With one hop no product lies in a customer's subgraph: two towers need none there.
TEST_P(LinkEdge, TargetsOutOfReachAreRefusedWhereSubgraphsAreScored) {
  const LinkShop shop = make_link_shop();
  const Dataset dataset = link_dataset(shop, task(), pool_, report_);
  TrainConfig config = config_of(GetParam());
  config.sampler.fanouts = {4};
  LoadedBatch batch;
  const std::string error = error_of([&] { load(dataset, config, batch); }, ErrorCode::kSpec);
  if (reads_targets(GetParam()))
    EXPECT_TRUE(contains(error, "rows of the target table 'products' are 2 away")) << error;
  else
    EXPECT_EQ(error, "");
}

// What is compared in training: the same pairs, subgraphs and ages whether later rows are there or not.
TEST_P(LinkEdge, TheFutureChangesNoTrainingBatch) {
  for (const NegativeSampling strategy : {NegativeSampling::kRandom, NegativeSampling::kDegreeBased}) {
    TrainConfig config = config_of(GetParam());
    config.negative_sampling = strategy;
    const LinkShop shop = make_link_shop();
    LinkShop past = shop;
    for (Table& t : past.tables) drop_rows_after(t, day(60));
    const Dataset whole = link_dataset(shop, task(), pool_, report_);
    const Dataset cut = link_dataset(past, task(), pool_, report_);
    LoadedBatch a, b;
    load(whole, config, a);
    load(cut, config, b);
    EXPECT_EQ(a.rows, b.rows);
    EXPECT_EQ(a.seeds.nodes, b.seeds.nodes);
    EXPECT_EQ(a.seeds.time_us, b.seeds.time_us);
    EXPECT_EQ(a.value, b.value);
    EXPECT_EQ(a.pairs.positive, b.pairs.positive);
    EXPECT_EQ(a.pairs.negative, b.pairs.negative);
    EXPECT_EQ(a.pairs.seen, b.pairs.seen);
    EXPECT_EQ(a.pairs.log_weight, b.pairs.log_weight);
    for (size_t t = 0; t < a.batch.nodes.size(); ++t) {
      EXPECT_EQ(a.batch.nodes[t].row, b.batch.nodes[t].row);
      EXPECT_EQ(a.batch.nodes[t].distinct, b.batch.nodes[t].distinct);
      EXPECT_EQ(a.batch.nodes[t].delta_s, b.batch.nodes[t].delta_s);
    }
    for (size_t e = 0; e < a.batch.edges.size(); ++e)
      EXPECT_EQ(a.batch.edges[e].source, b.batch.edges[e].source);
  }
}

INSTANTIATE_TEST_SUITE_P(Readouts, LinkEdge, ::testing::ValuesIn(kLinkReadouts), link_readout_name);

}  // namespace
}  // namespace rle
