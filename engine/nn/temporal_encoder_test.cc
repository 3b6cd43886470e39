#include "nn/temporal_encoder.h"

#include <gtest/gtest.h>

#include "kernel/time_encoding.h"
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
  std::vector<float> encode(const std::vector<int64_t>& delta_s) {
    Step step = bench.fresh_step(true);
    return values_of(encoder.encode(step, delta_s.data(), static_cast<int64_t>(delta_s.size())));
  }
  StepBench bench;
  TemporalEncoder encoder;
};

TEST(TemporalEncoder, EncodesAndHasAMapOfItsOwn) {
  Encoded encoded;
  const std::vector<int64_t> delta_s = deltas(300);
  std::vector<float> features(300 * kChannels);
  encode_time_deltas(delta_s.data(), 300, time_frequencies(kChannels), view(features, 300, kChannels));
  EXPECT_TRUE(same_bits(encoded.encode(delta_s), features));
  ASSERT_NE(encoded.bench.parameters.find("time.weight"), nullptr);
  EXPECT_EQ(encoded.bench.parameters.value(encoded.encoder.map().weight),
            encoded.bench.parameters.values().data() + encoded.bench.parameters.find("time.weight")->offset);
}

TEST(TemporalEncoder, TheSameBitsWithAnyNumberOfThreads) {
  const std::vector<int64_t> delta_s = deltas(3100);
  Encoded one(1);
  const std::vector<float> output = one.encode(delta_s);
  for (int threads : {2, 4}) EXPECT_TRUE(same_bits(Encoded(threads).encode(delta_s), output));
}

TEST(TemporalEncoder, NoDifferences) { EXPECT_TRUE(Encoded().encode({}).empty()); }

}  // namespace
}  // namespace rle
