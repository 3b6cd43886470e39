// GFLOP/s of the products that a residual block consists of, on a tile that lies in L2. bf16 is left out
// where the CPU has no instruction for it.
#include <benchmark/benchmark.h>

#include <vector>

#include "kernel/gemm.h"
#include "kernel/isa.h"

namespace rle {
namespace {

void set_rate(benchmark::State& state, int64_t rows, int64_t width) {
  state.counters["GFLOP/s"] = benchmark::Counter(2.0 * double(rows * width * width) * 1e-9,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

// Whether the benchmark can run; else it is skipped.
bool usable(benchmark::State& state, Precision precision) {
  const bool has = precision == Precision::kFp32 || active_isa() == Isa::kAvx512Bf16;
  if (!has) state.SkipWithError("this CPU has no AVX512-BF16");
  return has;
}

void forward(benchmark::State& state, Precision precision) {
  if (!usable(state, precision)) return;
  Arena arena;
  const int64_t rows = state.range(0), width = state.range(1);
  const Matrix a = new_zero_matrix(arena, rows, width), w = new_zero_matrix(arena, width, width);
  const Matrix c = new_zero_matrix(arena, rows, width);
  const PackedMatrix packed = pack_transposed(w, arena, precision);
  for (auto _ : state) gemm(a, packed, c, GemmMode::kOverwrite);
  set_rate(state, rows, width);
}
void gemm_forward(benchmark::State& state) { forward(state, Precision::kFp32); }
void gemm_forward_bf16(benchmark::State& state) { forward(state, Precision::kBf16); }
BENCHMARK(gemm_forward)->Args({256, 128})->Args({65536, 128})->Args({256, 64});
BENCHMARK(gemm_forward_bf16)->Args({256, 128})->Args({65536, 128})->Args({256, 64});

void weight_gradient(benchmark::State& state, Precision precision) {
  if (!usable(state, precision)) return;
  Arena arena;
  const int64_t rows = state.range(0), width = state.range(1);
  const Matrix a = new_zero_matrix(arena, rows, width), b = new_zero_matrix(arena, rows, width);
  const Matrix c = new_zero_matrix(arena, width, width);
  for (auto _ : state) gemm_at_b(a, b, c, precision);
  set_rate(state, rows, width);
}
void gemm_weight_gradient(benchmark::State& state) { weight_gradient(state, Precision::kFp32); }
void gemm_weight_gradient_bf16(benchmark::State& state) { weight_gradient(state, Precision::kBf16); }
BENCHMARK(gemm_weight_gradient)->Args({256, 128})->Args({65536, 128});
BENCHMARK(gemm_weight_gradient_bf16)->Args({256, 128})->Args({65536, 128});

// A layer's weights are packed once a step.
void packing(benchmark::State& state, Precision precision) {
  Arena arena;
  const std::vector<float> weights(static_cast<size_t>(state.range(0) * state.range(0)), 1.0f);
  for (auto _ : state) {
    arena.reset();
    benchmark::DoNotOptimize(
        pack_transposed({weights.data(), state.range(0), state.range(0)}, arena, precision));
    benchmark::ClobberMemory();
  }
}
void gemm_pack(benchmark::State& state) { packing(state, Precision::kFp32); }
void gemm_pack_bf16(benchmark::State& state) { packing(state, Precision::kBf16); }
BENCHMARK(gemm_pack)->Arg(128);
BENCHMARK(gemm_pack_bf16)->Arg(128);

}  // namespace
}  // namespace rle
