// The whole model against the public one (PyTorch Frame + PyG): outputs of modules, loss and every gradient
// of each fixture in testdata/ (made by tools/golden, which describes the format). Measure: max|a - b| <=
// 1e-4 max|b| per tensor.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "kernel/isa.h"
#include "model/golden_testing.h"

namespace rle {
namespace {

class GoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, OutputsLossAndGradientsAreTheReferences) {
  for (Isa isa : kAllIsas) {
    if (isa > supported_isa()) continue;
    SCOPED_TRACE(std::string(to_string(isa)));
    const ScopedIsa scoped(isa);
    GoldenFixture fixture(GetParam());
    ThreadPool pool(2);
    RelationalModel model(fixture.definition(), 1);
    fixture.set_parameters(model.parameters());

    const StepResult step =
        model.train_step(fixture.input(), fixture.loss(), fixture.targets(), RngKey(0), pool);
    EXPECT_TRUE(step.finite) << step.first_not_finite;
    EXPECT_NEAR(step.loss, fixture.loss_value(), kGoldenTolerance * std::fabs(fixture.loss_value()));
    double most = 0;
    for (const auto& [name, gradient] : fixture.gradients()) most = std::max(most, largest(gradient));
    size_t compared = 0;
    for (const ParameterStore::Entry& entry : model.parameters().entries()) {
      const auto found = fixture.gradients().find(entry.name);
      if (found == fixture.gradients().end()) continue;
      const double scale = fixture.is_zero_gradient(entry.name) ? most : largest(found->second);
      expect_match("gradient of " + entry.name, model.parameters().gradients().data() + entry.offset,
                   found->second, scale);
      ++compared;
    }
    EXPECT_EQ(compared, fixture.gradients().size()) << "every gradient of the fixture belongs to a parameter";
    EXPECT_EQ(model.embeddings().size(), fixture.seed_vectors().size());
    expect_match("seed vectors", model.embeddings().data(), fixture.seed_vectors(),
                 largest(fixture.seed_vectors()));

    // Without a batch norm evaluation equals training without dropout; else it has the running statistics
    // that the step left behind.
    ModelOutputs outputs, want = fixture.outputs();
    if (!fixture.evaluation_outputs().empty()) want.seeds = fixture.evaluation_outputs();
    model.predict(fixture.input(), pool, outputs);
    ASSERT_EQ(outputs.seeds.size(), want.seeds.size());
    ASSERT_EQ(outputs.targets.size(), want.targets.size());
    expect_match("outputs of seeds", outputs.seeds.data(), want.seeds, largest(want.seeds));
    expect_match("outputs of targets", outputs.targets.data(), want.targets, largest(want.targets));
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenTest, ::testing::ValuesIn(golden_cases()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace rle
