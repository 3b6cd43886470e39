#include "nn/adam.h"

#include <gtest/gtest.h>

#include <cmath>

namespace rle {
namespace {

// torch.optim.Adam in double, one scalar.
struct Scalar {
  double value, first = 0, second = 0;
  int t = 0;
  void step(double gradient, double lr, double decay) {
    ++t;
    gradient += decay * value;
    first = 0.9 * first + 0.1 * gradient;
    second = 0.999 * second + 0.001 * gradient * gradient;
    const double denominator = std::sqrt(second) / std::sqrt(1 - std::pow(0.999, t)) + 1e-8;
    value -= lr / (1 - std::pow(0.9, t)) * first / denominator;
  }
};

TEST(Adam, FirstStepMovesByTheLearningRate) {
  ParameterStore store;
  const ParameterId id = store.add("w", {2}, {Init::Kind::kOne});
  store.freeze(0);
  Adam adam(store, {});
  ThreadPool pool(1);
  store.gradient(id)[0] = 3;
  store.gradient(id)[1] = -0.001f;
  adam.step(store, 0.01, pool);
  EXPECT_NEAR(store.value(id)[0], 0.99, 1e-6);
  EXPECT_NEAR(store.value(id)[1], 1.01, 1e-6);
  EXPECT_EQ(adam.steps(), 1);
}

TEST(Adam, FollowsTheFormulaWithCoupledDecay) {
  for (double decay : {0.0, 0.1}) {
    ParameterStore store;
    const ParameterId id = store.add("w", {3}, {Init::Kind::kNormal, 1.0});
    store.freeze(5);
    std::vector<Scalar> expected;
    for (int i = 0; i < 3; ++i) expected.push_back({store.value(id)[i]});
    AdamConfig config;
    config.weight_decay = decay;
    Adam adam(store, config);
    ThreadPool pool(1);
    RngStream stream(RngKey(9));
    for (int step = 0; step < 50; ++step) {
      const double lr = 0.05 / (1 + step);
      for (int i = 0; i < 3; ++i) {
        store.gradient(id)[i] = static_cast<float>(stream.normal());
        expected[static_cast<size_t>(i)].step(store.gradient(id)[i], lr, decay);
      }
      adam.step(store, lr, pool);
    }
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(store.value(id)[i], expected[static_cast<size_t>(i)].value, 2e-6);
  }
}

// Three steps of torch.optim.Adam(lr=0.1, weight_decay=0.5) from 1.0 with gradients 1, -2, 0.5, worked
// out in double: with decay they are 1.5, -1.55, 0.95345.
TEST(Adam, LiteralValues) {
  ParameterStore store;
  const ParameterId id = store.add("w", {1}, {Init::Kind::kOne});
  store.freeze(0);
  AdamConfig config;
  config.weight_decay = 0.5;
  Adam adam(store, config);
  ThreadPool pool(1);
  const float gradients[] = {1.0f, -2.0f, 0.5f};
  const double expected[] = {0.90000000067, 0.90690151887, 0.88593734450};
  for (int i = 0; i < 3; ++i) {
    store.gradient(id)[0] = gradients[i];
    adam.step(store, 0.1, pool);
    EXPECT_NEAR(store.value(id)[0], expected[i], 1e-5) << "step " << i;
  }
}

TEST(Adam, LeavesBuffersAlone) {
  ParameterStore store;
  const ParameterId before = store.add("a", {2}, {Init::Kind::kOne});
  const ParameterId buffer = store.add_buffer("running_mean", {2}, {Init::Kind::kOne});
  const ParameterId after = store.add("z", {2}, {Init::Kind::kOne});
  store.freeze(0);
  AdamConfig config;
  config.weight_decay = 0.1;
  Adam adam(store, config);
  ThreadPool pool(1);
  adam.step(store, 0.1, pool);
  for (int i = 0; i < 2; ++i) {
    EXPECT_LT(store.value(before)[i], 1.0f);
    EXPECT_EQ(store.value(buffer)[i], 1.0f);
    EXPECT_LT(store.value(after)[i], 1.0f);
  }
}

TEST(Adam, SameBitsWithAnyNumberOfThreads) {
  std::vector<std::vector<float>> results;
  for (int threads : {1, 2, 5}) {
    ParameterStore store;
    store.add("a", {100003}, {Init::Kind::kNormal, 1.0});
    store.add_buffer("b", {3}, {});
    store.add("c", {40001}, {Init::Kind::kNormal, 1.0});
    store.freeze(1);
    AdamConfig config;
    config.weight_decay = 1e-2;
    Adam adam(store, config);
    ThreadPool pool(threads);
    RngStream stream(RngKey(2));
    for (int step = 0; step < 3; ++step) {
      for (float& g : store.gradients()) g = static_cast<float>(stream.uniform() - 0.5);
      adam.step(store, 0.01, pool);
    }
    results.push_back(store.values());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(CosineLr, ClosedForm) {
  EXPECT_DOUBLE_EQ(cosine_lr(0.01, 1e-4, 10, 0), 0.01);
  EXPECT_NEAR(cosine_lr(0.01, 1e-4, 10, 5), (0.01 + 1e-4) / 2, 1e-15);
  EXPECT_DOUBLE_EQ(cosine_lr(0.01, 1e-4, 10, 10), 1e-4);
  EXPECT_DOUBLE_EQ(cosine_lr(0.01, 1e-4, 10, 17), 1e-4);  // no rise after t_max
  for (int epoch = 0; epoch < 10; ++epoch)
    EXPECT_GT(cosine_lr(0.01, 1e-4, 10, epoch), cosine_lr(0.01, 1e-4, 10, epoch + 1));
}

}  // namespace
}  // namespace rle
