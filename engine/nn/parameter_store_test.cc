#include "nn/parameter_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace rle {
namespace {

TEST(ParameterStore, AParameterMoreChangesNoOther) {
  ParameterStore small, large;
  const ParameterId a = small.add("a.weight", {3, 4}, {Init::Kind::kNormal, 0.5});
  large.add("extra", {7}, {Init::Kind::kUniform, 1.0});
  const ParameterId b = large.add("a.weight", {3, 4}, {Init::Kind::kNormal, 0.5});
  small.freeze(42);
  large.freeze(42);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(small.value(a)[i], large.value(b)[i]);
  EXPECT_NE(large.values()[0], large.values()[1]);
}

TEST(ParameterStore, FillsFromTheStreamOfItsName) {
  ParameterStore store;
  const ParameterId id = store.add("head.bias", {5}, {Init::Kind::kUniform, 0.25});
  store.freeze(7);
  RngStream stream(RngKey(7).with("init").with("head.bias"));
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(store.value(id)[i], static_cast<float>((2.0 * stream.uniform() - 1.0) * 0.25));
}

TEST(ParameterStore, SeedChangesValues) {
  ParameterStore a, b;
  a.add("w", {64}, {Init::Kind::kNormal, 1.0});
  b.add("w", {64}, {Init::Kind::kNormal, 1.0});
  a.freeze(1);
  b.freeze(2);
  EXPECT_NE(a.values(), b.values());
}

TEST(ParameterStore, InitialValuesHaveTheirScale) {
  ParameterStore store;
  const int64_t n = 40000;
  const ParameterId normal = store.add("normal", {n}, {Init::Kind::kNormal, 0.01});
  const ParameterId uniform = store.add("uniform", {n}, {Init::Kind::kUniform, 0.5});
  const ParameterId embedding = store.add("embedding", {4, 3}, {Init::Kind::kEmbedding, 1.0});
  const ParameterId one = store.add_buffer("running_var", {3}, {Init::Kind::kOne});
  store.freeze(3);
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < n; ++i) {
    sum += store.value(normal)[i];
    squares += store.value(normal)[i] * store.value(normal)[i];
  }
  EXPECT_NEAR(sum / static_cast<double>(n), 0.0, 3e-4);
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(n)), 0.01, 2e-4);
  const auto [low, high] = std::minmax_element(store.value(uniform), store.value(uniform) + n);
  EXPECT_GE(*low, -0.5f);
  EXPECT_LE(*high, 0.5f);
  EXPECT_LT(*low, -0.499f);
  EXPECT_GT(*high, 0.499f);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(store.value(embedding)[i], 0.0f);
  for (int i = 3; i < 12; ++i) EXPECT_NE(store.value(embedding)[i], 0.0f);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(store.value(one)[i], 1.0f);
  EXPECT_FALSE(store.find("running_var")->trained);
  EXPECT_TRUE(store.find("normal")->trained);
  EXPECT_EQ(store.find("nothing"), nullptr);
}

TEST(ParameterStore, RefusesTheSameNameTwiceAndAddingAfterFreeze) {
  ParameterStore store;
  store.add("w", {1}, {});
  EXPECT_THROW(store.add("w", {2}, {}), Error);
  store.freeze(0);
  EXPECT_THROW(store.add("v", {2}, {}), Error);
}

TEST(ParameterStore, ZeroGradients) {
  ParameterStore store;
  const ParameterId id = store.add("w", {2}, {});
  store.freeze(0);
  store.gradient(id)[1] = 3;
  store.zero_gradients();
  EXPECT_EQ(store.gradients(), (std::vector<float>{0, 0}));
}

}  // namespace
}  // namespace rle
