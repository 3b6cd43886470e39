// GB/s of normalisation with ReLU and dropout, on a tile in L2 and on a matrix in memory: bytes of the
// matrices read and written.
#include <benchmark/benchmark.h>

#include <vector>

#include "kernel/norm_relu.h"

namespace rle {
namespace {

struct Operands {
  Operands(int64_t rows, int64_t cols, float probability)
      : x(new_zero_matrix(arena, rows, cols)),
        y(new_zero_matrix(arena, rows, cols)),
        parameters(new_zero_matrix(arena, 2, cols)),
        gradients(new_zero_matrix(arena, 2, cols)),
        keys(static_cast<size_t>(rows)),
        dropout{probability, keys.data()},
        saved{new_zero_matrix(arena, rows, cols), arena.allocate_zero<float>(rows),
              arena.allocate_zero<uint8_t>(rows * mask_bytes(cols)), dropout.scale()} {
    for (int64_t i = 0; i < x.size(); ++i) x.data[i] = static_cast<float>(i % 97) - 48.0f;
    for (int64_t j = 0; j < cols; ++j) parameters.row(0)[j] = 1.0f;
    for (size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<uint32_t>(i) * 2654435761u;
  }
  NormParameters norm() const { return {parameters.row(0), parameters.row(1)}; }

  Arena arena;
  Matrix x, y, parameters, gradients;
  std::vector<uint32_t> keys;
  Dropout dropout;
  NormReluSaved saved;
};

void set_bandwidth(benchmark::State& state, int64_t values, double bytes_each) {
  state.counters["GB/s"] = benchmark::Counter(static_cast<double>(values) * bytes_each * 1e-9,
                                              benchmark::Counter::kIsIterationInvariantRate);
}

// Arguments: rows, columns, dropout in percent.
void norm_relu_forward(benchmark::State& state) {
  const Operands op(state.range(0), state.range(1), static_cast<float>(state.range(2)) / 100.0f);
  for (auto _ : state) norm_relu_forward(op.x, op.norm(), op.dropout, op.saved, op.y);
  set_bandwidth(state, op.x.size(), 4 + 4 + 4 + 1.0 / 8);
}
BENCHMARK(norm_relu_forward)
    ->Args({256, 128, 0})
    ->Args({256, 128, 20})
    ->Args({65536, 128, 20})
    ->Args({256, 64, 20});

void norm_relu_backward(benchmark::State& state) {
  const Operands op(state.range(0), state.range(1), static_cast<float>(state.range(2)) / 100.0f);
  norm_relu_forward(op.x, op.norm(), op.dropout, op.saved, op.y);
  for (auto _ : state)
    norm_relu_backward(op.x, op.saved, op.norm().weight, op.gradients.row(0), op.gradients.row(1), op.y);
  set_bandwidth(state, op.x.size(), 4 + 4 + 4 + 1.0 / 8);
}
BENCHMARK(norm_relu_backward)->Args({256, 128, 20})->Args({65536, 128, 20})->Args({256, 64, 20});

}  // namespace
}  // namespace rle
