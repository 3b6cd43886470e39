// The whole model: gradients against finite differences with dropout on, the same bits with any number of
// threads, and what configuration changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>

#include "model/golden_fixture.h"

namespace rle {
namespace {

// A parameter's gradient, of length 1.
struct Direction {
  int64_t offset;
  std::vector<double> unit;
};

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
  double loss(RelationalModel& model, const GoldenFixture& fixture, uint64_t key) {
    return model.train_step(fixture.input(), fixture.loss(), fixture.targets(), RngKey(key), pool_).loss;
  }
  // The slopes of the loss, to either side, where a parameter moves along its gradient.
  std::array<double, 2> slopes(RelationalModel& model, const GoldenFixture& fixture, uint64_t key,
                               double start, const Direction& along, double step) {
    float* value = model.parameters().values().data() + along.offset;
    const std::vector<float> kept(value, value + along.unit.size());
    std::array<double, 2> out{};
    for (size_t side : {0, 1}) {
      const double signed_step = side == 0 ? -step : step;
      for (size_t i = 0; i < kept.size(); ++i)
        value[i] = kept[i] + static_cast<float>(signed_step * along.unit[i]);
      out[side] = (loss(model, fixture, key) - start) / signed_step;
    }
    std::copy(kept.begin(), kept.end(), value);
    return out;
  }

  ThreadPool pool_{1};
};

// The loss is smooth but for kinks, where a ReLU or a maximum changes its branch: the gradient is the slope
// to one side at least, if need be over a shorter step. A wrong gradient is that of neither side.
TEST_F(ModelTest, GradientsAreSlopesOfTheLossWithDropoutOn) {
  constexpr double kWantedChange = 5e-5, kLongestStep = 0.002, kShortest = 8;
  for (const char* name : {"nulls", "max_neighbours_mean_types", "instance_norm"})
    for (uint64_t key : {9, 10, 11, 12}) {
      SCOPED_TRACE(std::string(name) + ", key " + std::to_string(key));
      const GoldenFixture fixture(name);
      const auto own = model(fixture, 0.3);
      const double start = loss(*own, fixture, key);
      const std::vector<float> gradients = own->parameters().gradients();
      EXPECT_NE(start, loss(*model(fixture, 0.0), fixture, key)) << "dropout changes the loss";
      int compared = 0, tensors = 0;
      for (const ParameterStore::Entry& entry : own->parameters().entries()) {
        const float* g = gradients.data() + entry.offset;
        const double norm = std::sqrt(std::inner_product(g, g + entry.size, g, 0.0));
        ++tensors;
        if (norm * kLongestStep < kWantedChange / 10) continue;  // its slope is lost in fp32
        Direction along{entry.offset, {}};
        for (int64_t i = 0; i < entry.size; ++i) along.unit.push_back(double{g[i]} / norm);
        const double longest = std::min(kLongestStep, kWantedChange / norm);
        double nearest = norm;
        for (double step = longest; nearest > 0.05 * norm && step >= longest / kShortest; step /= 2)
          for (double slope : slopes(*own, fixture, key, start, along, step))
            nearest = std::min(nearest, std::abs(slope - norm));
        EXPECT_LE(nearest, 0.05 * norm) << entry.name;
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
  const double before = loss(own, fixture, 9);
  ParameterStore& store = own.parameters();
  double squares = 0;
  for (float g : store.gradients()) squares += double{g} * double{g};
  for (size_t i = 0; i < store.values().size(); ++i)
    store.values()[i] -= static_cast<float>(1e-3 / std::sqrt(squares)) * store.gradients()[i];
  EXPECT_NEAR(loss(own, fixture, 9), before - 1e-3 * std::sqrt(squares), 0.2 * 1e-3 * std::sqrt(squares));
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
