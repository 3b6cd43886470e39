// The whole model: gradients against finite differences with dropout on, the same bits with any number of
// threads, and what configuration changes.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "model/golden_fixture.h"
#include "model/slope_testing.h"

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
  double loss(RelationalModel& model, const GoldenFixture& fixture, uint64_t key) {
    return model.train_step(fixture.input(), fixture.loss(), fixture.targets(), RngKey(key), pool_).loss;
  }

  ThreadPool pool_{1};
};

TEST_F(ModelTest, GradientsAreSlopesOfTheLossWithDropoutOn) {
  for (const char* name : {"nulls", "max_neighbours_mean_types", "instance_norm", "fusion"})
    for (uint64_t key : {9, 10, 11, 12}) {
      SCOPED_TRACE(std::string(name) + ", key " + std::to_string(key));
      const GoldenFixture fixture(name);
      const auto own = model(fixture, 0.3);
      EXPECT_NE(loss(*own, fixture, key), loss(*model(fixture, 0.0), fixture, key))
          << "dropout changes the loss";
      const SlopesCompared compared =
          expect_gradients_are_slopes(*own, [&] { return loss(*own, fixture, key); });
      EXPECT_GT(compared.parameters, compared.of / 4);
    }
}

TEST_F(ModelTest, AnyNumberOfThreadsGivesTheSameBits) {
  for (const char* name : {"whole_model", "two_towers_id_awareness", "repeated_links", "fusion"}) {
    SCOPED_TRACE(name);
    const GoldenFixture fixture(name);
    std::vector<float> first;
    ModelOutputs outputs;
    for (int threads : {1, 2, 4}) {
      ThreadPool pool(threads);
      const auto own = model(fixture, 0.2);
      own->train_step(fixture.input(), fixture.loss(), fixture.targets(), RngKey(9), pool);
      ModelOutputs again;
      own->predict(fixture.input(), pool, again);
      if (first.empty()) {
        first = own->parameters().gradients();
        outputs = again;
      }
      EXPECT_EQ(own->parameters().gradients(), first) << threads << " threads";
      EXPECT_EQ(again.seeds, outputs.seeds) << threads << " threads";
      EXPECT_EQ(again.targets, outputs.targets) << threads << " threads";
    }
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

TEST_F(ModelTest, AHeadThatIsNotFiniteIsNamed) {
  const std::pair<const char*, const char*> cases[] = {{"whole_model", "head.0.bias"},
                                                       {"two_towers", "head.0.bias"},
                                                       {"repeated_links", "head.0.bias"},
                                                       {"fusion", "head.0.bias"},
                                                       {"fusion", "target_head.0.bias"}};
  for (const auto& [name, bias] : cases) {
    SCOPED_TRACE(std::string(name) + ", " + bias);
    const GoldenFixture fixture(name);
    const auto own = model(fixture, 0.0);
    const ParameterStore::Entry* entry = own->parameters().find(bias);
    ASSERT_NE(entry, nullptr);
    own->parameters().values()[static_cast<size_t>(entry->offset)] = INFINITY;
    const StepResult step =
        own->train_step(fixture.input(), fixture.loss(), fixture.targets(), RngKey(9), pool_);
    EXPECT_FALSE(step.finite);
    EXPECT_EQ(step.first_not_finite, "head");
    ModelOutputs outputs;
    EXPECT_EQ(own->predict(fixture.input(), pool_, outputs), "head");
    std::vector<float> vectors;
    const bool embeds_head = has_towers(own->definition().readout) && bias == std::string("head.0.bias");
    EXPECT_EQ(own->embed(fixture.input(), pool_, vectors), embeds_head ? "head" : "");
  }
}

// What a seed is embedded as is what enters the head, or what comes out of it where two towers compare that.
TEST_F(ModelTest, EmbeddingsAreTheVectorsThatAreCompared) {
  for (const char* name : {"whole_model", "two_towers", "repeated_links", "fusion"}) {
    SCOPED_TRACE(name);
    const GoldenFixture fixture(name);
    const auto own = model(fixture, 0.0);
    ModelOutputs outputs;
    own->predict(fixture.input(), pool_, outputs);
    std::vector<float> vectors;
    EXPECT_EQ(own->embed(fixture.input(), pool_, vectors), "");
    const Readout readout = own->definition().readout;
    if (readout == Readout::kTargets)
      EXPECT_EQ(vectors.size(),
                static_cast<size_t>(fixture.input().batch->seeds * embedding_width(own->definition())));
    else
      EXPECT_EQ(vectors, has_towers(readout) ? outputs.seeds : own->embeddings());
  }
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
