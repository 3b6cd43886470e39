#include "nn/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/rng.h"

namespace rle {
namespace {

// Central differences of the loss against the written gradient.
void expect_gradient(LossKind kind, int64_t n, int64_t outputs, std::vector<float> output,
                     const LossTargets& targets) {
  std::vector<float> gradient(output.size()), ignored(output.size());
  loss_and_gradient(kind, n, outputs, output.data(), targets, gradient.data());
  for (size_t i = 0; i < output.size(); ++i) {
    const float kept = output[i], h = 1e-2f;
    output[i] = kept + h;
    const double above = loss_and_gradient(kind, n, outputs, output.data(), targets, ignored.data());
    const double up = output[i];
    output[i] = kept - h;
    const double below = loss_and_gradient(kind, n, outputs, output.data(), targets, ignored.data());
    const double down = output[i];
    output[i] = kept;
    EXPECT_NEAR((above - below) / (up - down), gradient[i], 2e-5) << "output " << i;
  }
}

std::vector<float> random_values(size_t n, uint64_t seed) {
  RngStream stream{RngKey(seed)};
  std::vector<float> out(n);
  for (float& x : out) x = static_cast<float>(2 * stream.normal());
  return out;
}

TEST(Loss, GradientsAgreeWithFiniteDifferences) {
  const std::vector<float> value{0, 1, 1, 0, 1}, hot{1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 1};
  const std::vector<int32_t> classes{2, 0, 1, 1, 2};
  for (double smoothing : {0.0, 0.1}) {
    LossTargets targets;
    targets.label_smoothing = smoothing;
    targets.value = value.data();
    targets.class_id = classes.data();
    targets.multi_hot = hot.data();
    expect_gradient(LossKind::kBinaryCrossEntropy, 5, 1, random_values(5, 1), targets);
    expect_gradient(LossKind::kMultilabelCrossEntropy, 5, 3, random_values(15, 2), targets);
    expect_gradient(LossKind::kCrossEntropy, 5, 3, random_values(15, 3), targets);
    expect_gradient(LossKind::kL1, 5, 1, {-3, 4, 7, 9, -2}, targets);
  }
}

TEST(Loss, BinaryLiteral) {
  const std::vector<float> logit{0.0f, 2.0f}, value{1, 0};
  std::vector<float> gradient(2);
  LossTargets targets;
  targets.value = value.data();
  const double loss =
      loss_and_gradient(LossKind::kBinaryCrossEntropy, 2, 1, logit.data(), targets, gradient.data());
  EXPECT_NEAR(loss, (std::log(2.0) + 2.0 + std::log1p(std::exp(-2.0))) / 2, 1e-12);
  EXPECT_NEAR(gradient[0], -0.25, 1e-7);
  EXPECT_NEAR(gradient[1], 0.5 / (1.0 + std::exp(-2.0)), 1e-7);
}

TEST(Loss, WhatIsNotComparedHasNoPartInABinaryLoss) {
  const std::vector<float> logit{0.0f, 5.0f, 2.0f}, value{1, kNotCompared, 0}, kept_logit{0.0f, 2.0f},
      kept_value{1, 0};
  std::vector<float> gradient(3), kept_gradient(2);
  LossTargets targets, kept;
  targets.value = value.data();
  kept.value = kept_value.data();
  EXPECT_EQ(
      loss_and_gradient(LossKind::kBinaryCrossEntropy, 3, 1, logit.data(), targets, gradient.data()),
      loss_and_gradient(LossKind::kBinaryCrossEntropy, 2, 1, kept_logit.data(), kept, kept_gradient.data()));
  EXPECT_EQ(gradient, (std::vector<float>{kept_gradient[0], 0.0f, kept_gradient[1]}));
  const std::vector<float> nothing(3, kNotCompared);
  targets.value = nothing.data();
  EXPECT_EQ(loss_and_gradient(LossKind::kBinaryCrossEntropy, 3, 1, logit.data(), targets, gradient.data()),
            0);
  EXPECT_EQ(gradient, (std::vector<float>(3, 0.0f)));
}

TEST(Loss, BinarySmoothingMovesTargetsHalfWay) {
  const std::vector<float> logit{1.5f, -0.5f}, hard{1, 0}, soft{0.9f, 0.1f};
  std::vector<float> gradient(2), expected(2);
  LossTargets smoothed, plain;
  smoothed.value = hard.data();
  smoothed.label_smoothing = 0.2;
  plain.value = soft.data();
  EXPECT_NEAR(loss_and_gradient(LossKind::kBinaryCrossEntropy, 2, 1, logit.data(), smoothed, gradient.data()),
              loss_and_gradient(LossKind::kBinaryCrossEntropy, 2, 1, logit.data(), plain, expected.data()),
              1e-7);
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(gradient[i], expected[i], 1e-7);
}

TEST(Loss, CrossEntropyWithSmoothingLiteral) {
  const std::vector<float> logits{1, 2, 3};
  const std::vector<int32_t> target{2};
  std::vector<float> gradient(3);
  LossTargets targets;
  targets.class_id = target.data();
  targets.label_smoothing = 0.3;
  const double log_total = std::log(std::exp(1.0) + std::exp(2.0) + std::exp(3.0));
  EXPECT_NEAR(loss_and_gradient(LossKind::kCrossEntropy, 1, 3, logits.data(), targets, gradient.data()),
              log_total - 0.7 * 3 - 0.3 * 2, 1e-12);
  EXPECT_NEAR(gradient[0], std::exp(1 - log_total) - 0.1, 1e-6);
  EXPECT_NEAR(gradient[2], std::exp(3 - log_total) - 0.8, 1e-6);
}

TEST(Loss, StaysFiniteForHugeLogits) {
  const std::vector<float> logit{1e30f, -1e30f}, value{0, 1};
  const std::vector<int32_t> target{0};
  std::vector<float> gradient(2);
  LossTargets targets;
  targets.value = value.data();
  targets.class_id = target.data();
  EXPECT_NEAR(
      loss_and_gradient(LossKind::kBinaryCrossEntropy, 2, 1, logit.data(), targets, gradient.data()) / 1e30,
      1, 1e-6);
  EXPECT_EQ(gradient, (std::vector<float>{0.5f, -0.5f}));
  const std::vector<float> two{-1e30f, 1e30f};
  EXPECT_TRUE(
      std::isfinite(loss_and_gradient(LossKind::kCrossEntropy, 1, 2, two.data(), targets, gradient.data())));
  EXPECT_EQ(gradient, (std::vector<float>{-1.0f, 1.0f}));
}

TEST(Loss, ANaNOutputIsSeenInLossAndGradient) {
  const std::vector<float> output{1.0f, NAN}, value{0, 1};
  for (LossKind kind : {LossKind::kL1, LossKind::kBinaryCrossEntropy}) {
    std::vector<float> gradient(2);
    LossTargets targets;
    targets.value = value.data();
    EXPECT_TRUE(std::isnan(loss_and_gradient(kind, 2, 1, output.data(), targets, gradient.data())));
    EXPECT_TRUE(std::isnan(gradient[1]));
  }
}

TEST(Loss, AbsoluteErrorHasNoGradientAtTheTarget) {
  const std::vector<float> output{2, 5}, value{2, 1};
  std::vector<float> gradient{9, 9};
  LossTargets targets;
  targets.value = value.data();
  EXPECT_EQ(loss_and_gradient(LossKind::kL1, 2, 1, output.data(), targets, gradient.data()), 2.0);
  EXPECT_EQ(gradient, (std::vector<float>{0.0f, 0.5f}));
}

}  // namespace
}  // namespace rle
