// GB/s of an Adam step: four arrays read, three written.
#include <benchmark/benchmark.h>

#include <vector>

#include "kernel/adam_update.h"

namespace rle {
namespace {

void adam_update(benchmark::State& state) {
  const size_t count = static_cast<size_t>(state.range(0));
  std::vector<float> gradients(count, 0.5f), values(count, 1.0f), first(count, 0.1f), second(count, 0.2f);
  const AdamFactors factors{0.9f, 0.1f, 0.999f, 0.001f, 1e-6f, 0.0316f, 1e-8f, 0.0f};
  for (auto _ : state)
    adam_update(factors, state.range(0), gradients.data(), values.data(), first.data(), second.data());
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(count) * 28e-9, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(adam_update)->Arg(1 << 14)->Arg(1 << 22);

// Rows of 128 values, far from the caches, that are some steps behind; GB/s as if each step had read and
// written them.
void adam_catch_up(benchmark::State& state) {
  const size_t count = size_t{1} << 22;
  std::vector<float> values(count, 1.0f), first(count, 0.1f), second(count, 0.2f);
  const std::vector<AdamFactors> factors(static_cast<size_t>(state.range(0)),
                                         {0.9f, 0.1f, 0.999f, 0.001f, 1e-6f, 0.0316f, 1e-8f, 0.0f});
  for (auto _ : state)
    for (size_t row = 0; row < count; row += 128)
      adam_catch_up(factors.data(), state.range(0), 128, values.data() + row, first.data() + row,
                    second.data() + row);
  state.counters["GB/s"] = benchmark::Counter(static_cast<double>(state.range(0)) * count * 28e-9,
                                              benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(adam_catch_up)->Arg(1)->Arg(4)->Arg(32)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rle
