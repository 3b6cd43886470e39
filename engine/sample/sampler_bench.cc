// The sampler on the racing database: 512 seeds (drivers at 40 times), fanouts 128 and 64.
#include <benchmark/benchmark.h>

#include "graph/test_tables.h"
#include "sample/sampler.h"

namespace rle {
namespace {

void BM_SampleRacing(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  ReportLines report;
  const Graph graph = Graph::build(test::racing_tables(), pool, report);
  const Sampler sampler(
      graph, {.fanouts = {128, 64},
              .strategy = state.range(1) == 0 ? TemporalStrategy::kUniform : TemporalStrategy::kLast});
  Seeds seeds;
  seeds.entity_type = graph.schema().find_node_type("drivers");
  RngStream stream(RngKey(3));
  for (int64_t i = 0; i < 512; ++i) {
    seeds.keys.push_back(static_cast<uint64_t>(i));
    seeds.nodes.push_back(static_cast<NodeId>(stream.uniform() * (i % 4 == 0 ? stream.uniform() : 1) * 857));
    seeds.time_us.push_back(static_cast<int64_t>(40 + stream.below(19)) * 365 * 86'400'000'000);
  }
  Batch batch;
  uint64_t epoch = 0;
  for (auto _ : state) sampler.sample(seeds, RngKey(1).with(epoch++), pool, batch);
  double nodes = 0, distinct = 0, edges = 0;
  for (const NodeBlock& block : batch.nodes)
    nodes += static_cast<double>(block.nodes()), distinct += static_cast<double>(block.distinct.size());
  for (const EdgeBlock& block : batch.edges) edges += static_cast<double>(block.edges());
  state.counters["nodes"] = nodes;
  state.counters["distinct"] = distinct;
  state.counters["edges"] = edges;
  state.counters["seeds/s"] =
      benchmark::Counter(static_cast<double>(512 * state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_SampleRacing)->ArgsProduct({{1, 2}, {0, 1}})->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rle
