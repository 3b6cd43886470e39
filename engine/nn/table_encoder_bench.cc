// Milliseconds and GFLOP/s of encoding a table's rows, forward and backward, on one thread: products of the
// residual blocks only are counted as FLOP, so that GFLOP/s beside the product's own (rle_kernel_bench) shows
// what everything else costs.
#include <benchmark/benchmark.h>

#include "nn/table_encoder.h"
#include "nn/table_testing.h"

namespace rle {
namespace {

std::vector<ColumnShape> shapes() {
  std::vector<ColumnShape> out;
  for (int i = 0; i < 8; ++i) out.push_back({"number" + std::to_string(i), ColumnKind::kNumeric, 0, 0});
  out.push_back({"status", ColumnKind::kCategory, 130, 0});
  out.push_back({"date", ColumnKind::kDatetime, 0, 0});
  return out;
}

// Arguments: rows, blocks.
class Encoding {
 public:
  explicit Encoding(const benchmark::State& state)
      : rows_(state.range(0)),
        blocks_(state.range(1)),
        table_(shapes(), rows_),
        encoder_(bench_.parameters, "t", shapes(), kChannels, blocks_, 0.2f),
        doutput_(random_values(rows_ * kChannels, 4)) {
    bench_.randomise();
  }

  void run(bool backward) {
    Step step = bench_.step(true);
    bench_.arena.reset();
    TableEncoder::Context context = encoder_.prepare(step, table_.values());
    for (int64_t slot = 0; slot < context.slots.count; ++slot) encoder_.forward_slot(step, context, slot);
    if (!backward) return;
    encoder_.prepare_backward(step, context, view(doutput_, rows_, kChannels));
    for (int64_t slot = 0; slot < context.slots.count; ++slot) encoder_.backward_slot(step, context, slot);
    encoder_.finish_backward(step, context);
  }

  void set_rate(benchmark::State& state, double products_a_layer) const {
    const double layers = static_cast<double>(2 * blocks_ + (blocks_ > 0 ? 0 : 1));
    const double flop = products_a_layer * layers * 2.0 * static_cast<double>(rows_ * kChannels * kChannels);
    state.counters["GFLOP/s"] =
        benchmark::Counter(flop * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  }

 private:
  static constexpr int64_t kChannels = 128;
  int64_t rows_, blocks_;
  TestTable table_;
  StepBench bench_;
  TableEncoder encoder_;
  std::vector<float> doutput_;
};

void encoder_forward(benchmark::State& state) {
  Encoding encoding(state);
  for (auto _ : state) encoding.run(false);
  encoding.set_rate(state, 1);
}
void encoder_forward_backward(benchmark::State& state) {
  Encoding encoding(state);
  for (auto _ : state) encoding.run(true);
  encoding.set_rate(state, 3);
}
BENCHMARK(encoder_forward)
    ->Args({8192, 4})
    ->Args({8192, 2})
    ->Args({8192, 0})
    ->Args({512, 4})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(encoder_forward_backward)
    ->Args({8192, 4})
    ->Args({8192, 2})
    ->Args({8192, 0})
    ->Args({512, 4})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rle
