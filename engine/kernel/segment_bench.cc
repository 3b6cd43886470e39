// GB/s of sums, gathers and maxima over lists of rows: bytes of the rows read and written. The lists read
// rows in a scattered order, from a matrix that lies in L2 (1024 rows) or in memory (262144 rows).
#include <benchmark/benchmark.h>

#include <vector>

#include "base/rng.h"
#include "kernel/segment.h"

namespace rle {
namespace {

constexpr int64_t kColumns = 128, kLists = 4096, kLength = 8;

struct Operands {
  explicit Operands(int64_t rows)
      : x(new_zero_matrix(arena, rows, kColumns)),
        y(new_zero_matrix(arena, kLists, kColumns)),
        ties(new_zero_matrix(arena, kLists, kColumns)),
        scale(static_cast<size_t>(kLists), 1.0f / kLength) {
    RngStream stream{RngKey(5)};
    for (int64_t i = 0; i <= kLists; ++i) offsets.push_back(static_cast<int32_t>(i * kLength));
    for (int64_t i = 0; i < kLists * kLength; ++i)
      index.push_back(static_cast<int32_t>(stream.below(static_cast<uint64_t>(rows))));
    for (int64_t i = 0; i < x.size(); ++i) x.data[i] = static_cast<float>(stream.uniform());
  }
  Csr lists() const { return {offsets.data(), index.data()}; }

  Arena arena;
  Matrix x, y, ties;
  std::vector<float> scale;
  std::vector<int32_t> offsets, index;
};

void set_bandwidth(benchmark::State& state, int64_t rows_touched) {
  state.counters["GB/s"] = benchmark::Counter(static_cast<double>(rows_touched * kColumns * 4) * 1e-9,
                                              benchmark::Counter::kIsIterationInvariantRate);
}

void segment_mean(benchmark::State& state) {
  const Operands op(state.range(0));
  for (auto _ : state)
    segment_sum(op.lists(), op.scale.data(), op.x, 0, kLists, SegmentMode::kOverwrite, op.y);
  set_bandwidth(state, kLists * (kLength + 1));
}
BENCHMARK(segment_mean)->Arg(1024)->Arg(262144);

void segment_mean_backward(benchmark::State& state) {
  Operands op(state.range(0));
  const Csr transposed = transpose(op.lists(), kLists, op.x.rows, op.arena);
  const ListTerm term{op.y.data, transposed.offsets, transposed.index, op.scale.data(), true};
  for (auto _ : state) list_sum({&term, 1}, 0, op.x.rows, SegmentMode::kOverwrite, op.x);
  set_bandwidth(state, kLists * kLength + 2 * op.x.rows);
}
BENCHMARK(segment_mean_backward)->Arg(1024)->Arg(262144);

void segment_maximum(benchmark::State& state) {
  const Operands op(state.range(0));
  for (auto _ : state) segment_max(op.lists(), op.x, 0, kLists, op.y, op.ties);
  set_bandwidth(state, kLists * (kLength + 2));
}
BENCHMARK(segment_maximum)->Arg(1024);

void segment_maximum_plain(benchmark::State& state) {
  const Operands op(state.range(0));
  for (auto _ : state) segment_max_oracle(op.lists(), op.x, 0, kLists, op.y, op.ties);
  set_bandwidth(state, kLists * (kLength + 2));
}
BENCHMARK(segment_maximum_plain)->Arg(1024);

// Four gathers into one output, in one pass, and one after the other.
void four_gathers_at_once(benchmark::State& state) {
  const Operands op(state.range(0));
  std::vector<ListTerm> terms;
  for (int64_t t = 0; t < 4; ++t) terms.push_back({op.x.data, nullptr, op.index.data() + t * kLists});
  for (auto _ : state) list_sum(terms, 0, kLists, SegmentMode::kOverwrite, op.y);
  set_bandwidth(state, 5 * kLists);
}
BENCHMARK(four_gathers_at_once)->Arg(1024)->Arg(262144);

void four_gathers_in_turn(benchmark::State& state) {
  const Operands op(state.range(0));
  for (auto _ : state)
    for (int64_t t = 0; t < 4; ++t)
      gather_rows(op.index.data() + t * kLists, op.x, 0, kLists,
                  t == 0 ? SegmentMode::kOverwrite : SegmentMode::kAccumulate, op.y);
  set_bandwidth(state, 5 * kLists);
}
BENCHMARK(four_gathers_in_turn)->Arg(1024)->Arg(262144);

void gather(benchmark::State& state) {
  const Operands op(state.range(0));
  for (auto _ : state) gather_rows(op.index.data(), op.x, 0, kLists, SegmentMode::kOverwrite, op.y);
  set_bandwidth(state, 2 * kLists);
}
BENCHMARK(gather)->Arg(1024)->Arg(262144);

}  // namespace
}  // namespace rle
