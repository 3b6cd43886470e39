#include "nn/temporal_encoder.h"

#include <gtest/gtest.h>

#include "kernel/time_encoding.h"
#include "nn/gradient_check.h"
#include "nn/step_testing.h"

namespace rle {
namespace {

constexpr int64_t kChannels = 8;

std::vector<int64_t> deltas(int64_t count) {
  RngStream stream{RngKey(4)};
  std::vector<int64_t> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(static_cast<int64_t>(stream.below(400 * 86400)));
  return out;
}

struct Encoded {
  explicit Encoded(int threads = 1) : bench(threads), encoder(bench.parameters, "time", kChannels) {
    bench.randomise();
  }
  std::vector<float> forward(const std::vector<int64_t>& delta_s) {
    Step step = bench.fresh_step(true);
    return values_of(encoder.forward(step, delta_s.data(), static_cast<int64_t>(delta_s.size())).output);
  }
  std::vector<float> backward(const std::vector<int64_t>& delta_s, std::vector<float> doutput) {
    Step step = bench.fresh_step(true);
    const int64_t count = static_cast<int64_t>(delta_s.size());
    const TemporalEncoder::Context context = encoder.forward(step, delta_s.data(), count);
    encoder.backward(step, context, view(doutput, count, kChannels));
    return values_of(context.output);
  }
  StepBench bench;
  TemporalEncoder encoder;
};

TEST(TemporalEncoder, IsALinearMapOfTheTimeEncoding) {
  Encoded encoded;
  const std::vector<int64_t> delta_s = deltas(300);
  const std::vector<float> got = encoded.forward(delta_s);
  std::vector<float> features(300 * kChannels);
  encode_time_deltas(delta_s.data(), 300, time_frequencies(kChannels), view(features, 300, kChannels));
  const ParameterStore& parameters = encoded.bench.parameters;
  const float* weight = parameters.values().data() + parameters.find("time.weight")->offset;
  const float* bias = parameters.values().data() + parameters.find("time.bias")->offset;
  for (size_t i = 0; i < 300; ++i)
    for (size_t j = 0; j < kChannels; ++j) {
      double want = double{bias[j]};
      for (size_t k = 0; k < kChannels; ++k)
        want += double{weight[j * kChannels + k]} * double{features[i * kChannels + k]};
      ASSERT_NEAR(got[i * kChannels + j], want, 1e-5);
    }
}

TEST(TemporalEncoder, GradientsAgreeWithFiniteDifferences) {
  Encoded encoded;
  const std::vector<int64_t> delta_s = deltas(11);
  const std::vector<float> weights = loss_weights(11 * kChannels);
  encoded.backward(delta_s, weights);
  GradientCheck check([&] {
    std::vector<float> out = encoded.forward(delta_s);
    return dot(weights, view(out, 11, kChannels));
  });
  check.expect_parameters(encoded.bench.parameters);
  EXPECT_EQ(check.tensors_with_gradient(), 2);
}

TEST(TemporalEncoder, TheSameBitsWithAnyNumberOfThreads) {
  const std::vector<int64_t> delta_s = deltas(3100);
  Encoded one(1);
  const std::vector<float> output = one.backward(delta_s, loss_weights(3100 * kChannels));
  for (int threads : {2, 4}) {
    Encoded many(threads);
    EXPECT_TRUE(same_bits(many.backward(delta_s, loss_weights(3100 * kChannels)), output));
    EXPECT_TRUE(same_bits(many.bench.parameters.gradients(), one.bench.parameters.gradients()));
  }
}

TEST(TemporalEncoder, NoDifferences) {
  Encoded encoded;
  EXPECT_TRUE(encoded.backward({}, {}).empty());
  for (float gradient : encoded.bench.parameters.gradients()) EXPECT_EQ(gradient, 0.0f);
}

}  // namespace
}  // namespace rle
