// The model with bf16 operands beside itself in fp32, on every instruction set, in all its variants. Their
// few seeds say little of gradients, which cancel: train/precision_test.cc compares those.
#include <gtest/gtest.h>

#include <string>

#include "kernel/isa.h"
#include "model/golden_testing.h"
#include "nn/step_testing.h"

namespace rle {
namespace {

struct Computed {
  std::vector<float> gradients, outputs;
};

// The fixture's batch in a model as wide as real ones, with its own initial values.
Computed compute(const GoldenFixture& fixture, Precision precision, int threads = 1) {
  ModelDefinition definition = fixture.definition();
  definition.config.channels = 128;
  definition.config.precision = precision;
  RelationalModel model(definition, 1);
  ThreadPool pool(threads);
  Computed out;
  const StepResult step =
      model.train_step(fixture.input(), fixture.loss(), fixture.targets(), RngKey(0), pool);
  EXPECT_TRUE(step.finite);
  out.gradients = model.parameters().gradients();
  ModelOutputs outputs;
  model.predict(fixture.input(), pool, outputs);
  out.outputs = outputs.seeds;
  out.outputs.insert(out.outputs.end(), outputs.targets.begin(), outputs.targets.end());
  return out;
}

class PrecisionTest : public ::testing::TestWithParam<std::string> {};

TEST_P(PrecisionTest, Bf16IsNearFp32AndNotTheSame) {
  const GoldenFixture fixture(GetParam());
  for (Isa isa : kAllIsas) {
    if (isa > supported_isa()) continue;
    SCOPED_TRACE(std::string(to_string(isa)));
    const ScopedIsa scoped(isa);
    const Computed exact = compute(fixture, Precision::kFp32), rounded = compute(fixture, Precision::kBf16);
    EXPECT_LT(relative_distance(rounded.outputs, exact.outputs), 0.02);
    EXPECT_GT(relative_distance(rounded.outputs, exact.outputs), 1e-5);
    EXPECT_GT(relative_distance(rounded.gradients, exact.gradients), 1e-4);
  }
}

TEST_P(PrecisionTest, AnyNumberOfThreadsGivesTheSameBits) {
  const GoldenFixture fixture(GetParam());
  const Computed one = compute(fixture, Precision::kBf16);
  for (int threads : {2, 4}) {
    const Computed more = compute(fixture, Precision::kBf16, threads);
    EXPECT_EQ(more.gradients, one.gradients) << threads << " threads";
    EXPECT_EQ(more.outputs, one.outputs) << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, PrecisionTest, ::testing::ValuesIn(golden_cases()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace rle
