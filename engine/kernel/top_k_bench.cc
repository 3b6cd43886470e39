// The best of 20,000 items for 1024 queries of width 128, and for comparison the bare product in the same
// blocks; `make bench-topk` has whole sizes.
#include "kernel/top_k.h"

#include <benchmark/benchmark.h>

#include <vector>

#include "base/rng.h"

namespace rle {
namespace {

constexpr int64_t kQueries = 1024, kItems = 20'000, kWidth = 128;

Matrix random_matrix(int64_t rows, Arena& arena, RngKey key) {
  RngStream stream(key);
  const Matrix m = new_matrix(arena, rows, kWidth);
  for (int64_t i = 0; i < m.size(); ++i) m.data[i] = static_cast<float>(stream.uniform() - 0.5);
  return m;
}

void set_rate(benchmark::State& state) {
  state.counters["GFLOP/s"] = benchmark::Counter(2.0 * double(kQueries * kItems * kWidth) * 1e-9,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

void top_k(benchmark::State& state) {
  Arena arena;
  ThreadPool pool(1);
  const TopKIndex index(random_matrix(kItems, arena, RngKey(1)));
  const TopKRequest request{.queries = random_matrix(kQueries, arena, RngKey(2)), .k = state.range(0)};
  for (auto _ : state) benchmark::DoNotOptimize(index.search(request, pool));
  set_rate(state);
}
BENCHMARK(top_k)->Arg(12)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

void top_k_bare_product(benchmark::State& state) {
  Arena arena;
  const Matrix items = random_matrix(kItems, arena, RngKey(1));
  const Matrix queries = random_matrix(kQueries, arena, RngKey(2));
  std::vector<PackedMatrix> blocks;
  for (int64_t first = 0; first < kItems; first += kTopKItems)
    blocks.push_back(pack_transposed(items.slice(first, std::min(kItems, first + kTopKItems)), arena));
  const Matrix scores = new_matrix(arena, kTopKQueries, kTopKItems);
  for (auto _ : state)
    for (int64_t first = 0; first < kQueries; first += kTopKQueries)
      for (const PackedMatrix& block : blocks)
        gemm(queries.slice(first, first + kTopKQueries), block, scores.columns(0, block.n),
             GemmMode::kOverwrite);
  set_rate(state);
}
BENCHMARK(top_k_bare_product)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rle
