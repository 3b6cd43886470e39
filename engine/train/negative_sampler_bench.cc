// Negatives in the shape of the H&M data at a tenth of its size: 105,000 articles with 1.5 million purchases
// in two years, 10 negatives for each of 128 rows with 5 positives. An item is a draw.
#include "train/negative_sampler.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "graph/test_tables.h"

namespace rle {
namespace {

constexpr int64_t kDayUs = 86'400'000'000, kArticles = 105'000, kNegatives = 10;

void draw(benchmark::State& state, NegativeSampling strategy) {
  Table articles = test::numbered("articles", kArticles, 730);
  Table transactions = test::numbered("transactions", 1'500'000, 730);
  test::link(transactions, articles, RngKey(1), 3);
  ThreadPool pool(1);
  ReportLines report;
  const Graph graph = Graph::build({articles, transactions}, pool, report);
  const NegativeSampler sampler(graph, graph.schema().find_node_type("articles"), strategy, true);
  RngStream stream(RngKey(2));
  std::vector<std::vector<NodeId>> positives(128);
  std::vector<int64_t> times_us;
  for (std::vector<NodeId>& row : positives) {
    for (int64_t i = 0; i < 5; ++i) row.push_back(static_cast<NodeId>(stream.below(kArticles)));
    std::sort(row.begin(), row.end());
    row.erase(std::unique(row.begin(), row.end()), row.end());
    times_us.push_back(static_cast<int64_t>(300 + stream.below(400)) * kDayUs);
  }
  std::vector<NodeId> out(kNegatives);
  uint64_t step = 0;
  for (auto _ : state) {
    const RngKey key = RngKey(3).with(step++);
    for (size_t row = 0; row < positives.size(); ++row)
      benchmark::DoNotOptimize(
          sampler.draw(times_us[row], positives[row], key.with(row), kNegatives, out.data()));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * positives.size()) * kNegatives);
}
void negatives_random(benchmark::State& state) { draw(state, NegativeSampling::kRandom); }
void negatives_degree_based(benchmark::State& state) { draw(state, NegativeSampling::kDegreeBased); }
BENCHMARK(negatives_random);
BENCHMARK(negatives_degree_based);

}  // namespace
}  // namespace rle
