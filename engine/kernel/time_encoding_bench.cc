// Sinusoids of ages: values per second, and the plain loop beside.
#include <benchmark/benchmark.h>

#include <vector>

#include "base/rng.h"
#include "kernel/time_encoding.h"

namespace rle {
namespace {

constexpr int64_t kAges = 4096, kWidth = 128;

struct Operands {
  Operands() : out(new_matrix(arena, kAges, kWidth)) {
    RngStream stream{RngKey(3)};
    for (int64_t i = 0; i < kAges; ++i) delta_s.push_back(static_cast<int64_t>(stream.below(2'000'000'000)));
  }
  Arena arena;
  Matrix out;
  std::vector<int64_t> delta_s;
  std::vector<float> frequencies = time_frequencies(kWidth);
};

void set_rate(benchmark::State& state) { state.SetItemsProcessed(state.iterations() * kAges * kWidth); }

void time_deltas(benchmark::State& state) {
  const Operands op;
  for (auto _ : state) encode_time_deltas(op.delta_s.data(), kAges, op.frequencies, op.out);
  set_rate(state);
}
BENCHMARK(time_deltas);

void time_deltas_plain(benchmark::State& state) {
  const Operands op;
  for (auto _ : state) encode_time_deltas_oracle(op.delta_s.data(), kAges, op.frequencies, op.out);
  set_rate(state);
}
BENCHMARK(time_deltas_plain);

}  // namespace
}  // namespace rle
