// The whole model: gradients against finite differences with dropout on, the same bits with any number of
// threads, and what configuration changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>

#include "model/golden_fixture.h"

namespace rle {
namespace {

class ModelTest : public ::testing::Test {
 protected:
  // The fixture's batch with a model of our own: dropout on, its own initial values moved off zero biases.
  std::unique_ptr<RelationalModel> model(const GoldenFixture& fixture, double dropout) {
    ModelDefinition definition = fixture.definition();
    definition.config.dropout = dropout;
    auto out = std::make_unique<RelationalModel>(definition, 3);
    fixture.set_parameters(out->parameters());
    return out;
  }
  double loss(RelationalModel& model, const GoldenFixture& fixture) {
    // Masks of this key leave no ReLU within the steps of the slopes below.
    return model.train_step(fixture.input(), fixture.loss(), fixture.targets(), RngKey(27), pool_).loss;
  }

  ThreadPool pool_{1};
};

TEST_F(ModelTest, GradientsAreSlopesOfTheLossWithDropoutOn) {
  for (const char* name : {"nulls", "max_neighbours_mean_types", "instance_norm"}) {
    SCOPED_TRACE(name);
    const GoldenFixture fixture(name);
    const auto own = model(fixture, 0.3);
    const double start = loss(*own, fixture);
    const std::vector<float> gradients = own->parameters().gradients(), values = own->parameters().values();
    EXPECT_NE(start, loss(*model(fixture, 0.0), fixture)) << "dropout changes the loss";
    int compared = 0, tensors = 0;
    for (const ParameterStore::Entry& entry : own->parameters().entries()) {
      const float* g = gradients.data() + entry.offset;
      const double norm = std::sqrt(std::inner_product(g, g + entry.size, g, 0.0));
      ++tensors;
      constexpr double kWantedChange = 5e-5, kLongestStep = 0.002;
      if (norm * kLongestStep < kWantedChange / 10) continue;  // its slope is lost in fp32
      const double step = std::min(kLongestStep, kWantedChange / norm);
      double moved[2];
      for (int side : {0, 1}) {
        float* value = own->parameters().values().data() + entry.offset;
        for (int64_t i = 0; i < entry.size; ++i)
          value[i] = values[static_cast<size_t>(entry.offset + i)] +
                     static_cast<float>((side ? step : -step) * double{g[i]} / norm);
        moved[side] = loss(*own, fixture);
        std::copy(values.begin() + entry.offset, values.begin() + entry.offset + entry.size, value);
      }
      EXPECT_NEAR((moved[1] - moved[0]) / (2 * step), norm, 0.05 * norm) << entry.name;
      ++compared;
    }
    EXPECT_GT(compared, tensors / 4);
  }
}

TEST_F(ModelTest, AnyNumberOfThreadsGivesTheSameBits) {
  const GoldenFixture fixture("whole_model");
  std::vector<float> first;
  for (int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    const auto own = model(fixture, 0.2);
    own->train_step(fixture.input(), fixture.loss(), fixture.targets(), RngKey(9), pool);
    if (first.empty()) first = own->parameters().gradients();
    EXPECT_EQ(own->parameters().gradients(), first) << threads << " threads";
  }
}

TEST_F(ModelTest, AStepThatIsNotFiniteNamesTheFirstModule) {
  const GoldenFixture fixture("whole_model");
  const auto own = model(fixture, 0.0);
  const ParameterStore::Entry* entry = own->parameters().find("gnn.0.norm.drivers.bias");
  ASSERT_NE(entry, nullptr);
  own->parameters().values()[static_cast<size_t>(entry->offset)] = INFINITY;
  const StepResult step =
      own->train_step(fixture.input(), fixture.loss(), fixture.targets(), RngKey(9), pool_);
  EXPECT_FALSE(step.finite);
  EXPECT_EQ(step.first_not_finite, "message passing layer 1, table 'drivers'");
}

TEST_F(ModelTest, NoBlocksIsAModelToo) {
  const GoldenFixture fixture("whole_model");
  ModelDefinition definition = fixture.definition();
  definition.config.encoder_blocks = 0;
  RelationalModel own(definition, 3);
  EXPECT_NE(own.parameters().find("encoder.results.input.weight"), nullptr);
  EXPECT_EQ(own.parameters().find("encoder.results.blocks.0.lin1.weight"), nullptr);
  const double before = loss(own, fixture);
  ParameterStore& store = own.parameters();
  double squares = 0;
  for (float g : store.gradients()) squares += double{g} * double{g};
  for (size_t i = 0; i < store.values().size(); ++i)
    store.values()[i] -= static_cast<float>(1e-3 / std::sqrt(squares)) * store.gradients()[i];
  EXPECT_NEAR(loss(own, fixture), before - 1e-3 * std::sqrt(squares), 0.2 * 1e-3 * std::sqrt(squares));
}

TEST_F(ModelTest, InitialValuesDependOnSeedAndNameAlone) {
  const GoldenFixture fixture("whole_model");
  ModelDefinition fewer = fixture.definition();
  for (TableStatistics& table : fewer.statistics)
    if (table.table == "results") table.columns.pop_back();
  const RelationalModel all(fixture.definition(), 7), less(fewer, 7), other(fixture.definition(), 8);
  const std::string name = "encoder.drivers.output.linear.weight";
  const auto at = [&](const RelationalModel& m) {
    return m.parameters().values()[static_cast<size_t>(m.parameters().find(name)->offset)];
  };
  EXPECT_EQ(at(all), at(less)) << "a column less changes no other parameter";
  EXPECT_NE(at(all), at(other));
}

}  // namespace
}  // namespace rle
