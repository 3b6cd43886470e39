// GFLOP/s of the products that a residual block consists of, on a tile that lies in L2.
#include <benchmark/benchmark.h>

#include "kernel/gemm.h"

namespace rle {
namespace {

void gemm_forward(benchmark::State& state) {
  Arena arena;
  const int64_t rows = state.range(0), width = state.range(1);
  const Matrix a = new_zero_matrix(arena, rows, width), w = new_zero_matrix(arena, width, width);
  const Matrix c = new_zero_matrix(arena, rows, width);
  const PackedMatrix packed = pack_transposed(w, arena);
  for (auto _ : state) gemm(a, packed, c, GemmMode::kOverwrite);
  state.counters["GFLOP/s"] = benchmark::Counter(2.0 * double(rows * width * width) * 1e-9,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(gemm_forward)->Args({256, 128})->Args({65536, 128})->Args({256, 64});

void gemm_weight_gradient(benchmark::State& state) {
  Arena arena;
  const int64_t rows = state.range(0), width = state.range(1);
  const Matrix a = new_zero_matrix(arena, rows, width), b = new_zero_matrix(arena, rows, width);
  const Matrix c = new_zero_matrix(arena, width, width);
  for (auto _ : state) gemm_at_b(a, b, c);
  state.counters["GFLOP/s"] = benchmark::Counter(2.0 * double(rows * width * width) * 1e-9,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(gemm_weight_gradient)->Args({256, 128})->Args({65536, 128});

}  // namespace
}  // namespace rle
