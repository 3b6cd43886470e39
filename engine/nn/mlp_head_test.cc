#include "nn/mlp_head.h"

#include <gtest/gtest.h>

#include "nn/gradient_check.h"
#include "nn/step_testing.h"

namespace rle {
namespace {

constexpr int64_t kChannels = 8;

struct Case {
  int64_t layers, outputs, rows;
  NormKind norm;
};

class Headed {
 public:
  explicit Headed(const Case& c, int threads = 1)
      : bench(threads),
        x(random_values(c.rows * kChannels, 6)),
        case_(c),
        head_(bench.parameters, "head", kChannels, c.outputs, c.layers, c.norm) {
    bench.randomise();
  }
  std::vector<float> forward(bool training = true) {
    Step step = bench.fresh_step(training);
    return values_of(head_.forward(step, view(x, case_.rows, kChannels)).output);
  }
  std::vector<float> backward(std::vector<float> doutput) {
    Step step = bench.fresh_step(true);
    const MlpHead::Context context = head_.forward(step, view(x, case_.rows, kChannels));
    return values_of(head_.backward(step, context, view(doutput, case_.rows, case_.outputs)));
  }
  StepBench bench;
  std::vector<float> x;

 private:
  Case case_;
  MlpHead head_;
};

class MlpHeadTest : public ::testing::TestWithParam<Case> {};

TEST_P(MlpHeadTest, GradientsAgreeWithFiniteDifferences) {
  const Case& c = GetParam();
  Headed headed(c);
  const std::vector<float> weights = loss_weights(c.rows * c.outputs);
  const std::vector<float> dx = headed.backward(weights);
  ASSERT_EQ(dx.size(), headed.x.size());
  GradientCheck check([&] {
    std::vector<float> out = headed.forward();
    return dot(weights, view(out, c.rows, c.outputs));
  });
  check.expect_parameters(headed.bench.parameters);
  check.expect("x", headed.x.data(), dx);
}

TEST_P(MlpHeadTest, HasAsManyLinearMapsAsLayersAndANormBetweenThem) {
  const Case& c = GetParam();
  Headed headed(c);
  int64_t maps = 0, norms = 0;
  for (const ParameterStore::Entry& entry : headed.bench.parameters.entries()) {
    maps += entry.shape.size() == 2;
    norms += entry.name.ends_with(".norm.weight");
  }
  EXPECT_EQ(maps, c.layers);
  EXPECT_EQ(norms, c.layers - 1);
  const ParameterStore::Entry* last =
      headed.bench.parameters.find("head." + std::to_string(c.layers - 1) + ".weight");
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(last->shape, (Shape{c.outputs, kChannels}));
}

std::vector<Case> cases() {
  std::vector<Case> out;
  for (int64_t layers : {1, 2, 3})
    for (NormKind norm : {NormKind::kLayer, NormKind::kBatch})
      for (int64_t rows : {0, 1, 9}) out.push_back({layers, layers == 2 ? 1 : 3, rows, norm});
  return out;
}
INSTANTIATE_TEST_SUITE_P(Cases, MlpHeadTest, ::testing::ValuesIn(cases()), [](const auto& info) {
  const Case& c = info.param;
  return "layers" + std::to_string(c.layers) + (c.norm == NormKind::kLayer ? "_layer_rows" : "_batch_rows") +
         std::to_string(c.rows);
});

TEST(MlpHead, OneLayerIsTheLinearMap) {
  Headed headed({1, 3, 5, NormKind::kLayer});
  const std::vector<float> got = headed.forward();
  const ParameterStore& parameters = headed.bench.parameters;
  const float* weight = parameters.values().data() + parameters.find("head.0.weight")->offset;
  const float* bias = parameters.values().data() + parameters.find("head.0.bias")->offset;
  for (size_t i = 0; i < 5; ++i)
    for (size_t j = 0; j < 3; ++j) {
      double want = double{bias[j]};
      for (size_t k = 0; k < kChannels; ++k)
        want += double{weight[j * kChannels + k]} * double{headed.x[i * kChannels + k]};
      EXPECT_NEAR(got[i * 3 + j], want, 1e-5);
    }
}

TEST(MlpHead, EvaluatesAsItTrainsWithLayerNorm) {
  Headed headed({3, 2, 300, NormKind::kLayer});
  EXPECT_TRUE(same_bits(headed.forward(true), headed.forward(false)));
}

TEST(MlpHead, TheSameBitsWithAnyNumberOfThreads) {
  const Case c{3, 2, 3100, NormKind::kLayer};
  Headed one(c, 1);
  const std::vector<float> weights = loss_weights(c.rows * c.outputs), output = one.forward(),
                           dx = one.backward(weights);
  for (int threads : {2, 4}) {
    Headed many(c, threads);
    EXPECT_TRUE(same_bits(many.forward(), output)) << threads << " threads";
    EXPECT_TRUE(same_bits(many.backward(weights), dx)) << threads << " threads";
    EXPECT_TRUE(same_bits(many.bench.parameters.gradients(), one.bench.parameters.gradients()))
        << threads << " threads";
  }
}

}  // namespace
}  // namespace rle
