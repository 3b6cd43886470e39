// Losses over pairs: values from a plain version, gradients against differences.
#include "nn/link_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "nn/gradient_check.h"
#include "nn/step_testing.h"

namespace rle {
namespace {

// Three sources (rows 0-2), six targets (rows 3-8), five nodes inside subgraphs.
struct Pairs {
  std::vector<int32_t> source{0, 1, 2}, positive{3, 4, 4}, negative{5, 6, 7, 8, 3, 3};
  std::vector<int32_t> seen_offsets{0, 2, 2, 3}, seen{0, 1, 4}, seen_positive{-1, -1, 3};
  std::vector<float> log_weight{1.5f, 0.0f, -0.5f};

  LinkPairs view() const {
    LinkPairs out;
    out.count = 3;
    out.source = source.data();
    out.positive = positive.data();
    out.negatives = 2;
    out.negative = negative.data();
    out.seen_offsets = seen_offsets.data();
    out.seen = seen.data();
    out.seen_positive = seen_positive.data();
    out.log_weight = log_weight.data();
    return out;
  }
};

constexpr int64_t kSeeds = 9, kChannels = 13, kNodes = 5;

double plain_dot(const std::vector<float>& vectors, int64_t width, int32_t a, int32_t b) {
  double sum = 0;
  for (int64_t j = 0; j < kChannels; ++j)
    sum += double{vectors[static_cast<size_t>(a * width + j)]} *
           double{vectors[static_cast<size_t>(b * width + j)]};
  return sum;
}

TEST(BprLoss, IsTheMeanOverPairsAndNegatives) {
  const Pairs pairs;
  std::vector<float> vectors = random_values(kSeeds * kChannels, 1, 0.5), d(vectors.size());
  double want = 0;
  for (size_t i = 0; i < 3; ++i)
    for (size_t k = 0; k < 2; ++k)
      want += std::log1p(std::exp(plain_dot(vectors, kChannels, pairs.source[i], pairs.negative[2 * i + k]) -
                                  plain_dot(vectors, kChannels, pairs.source[i], pairs.positive[i])));
  const double loss = bpr_loss(view(vectors, kSeeds, kChannels), pairs.view(), view(d, kSeeds, kChannels));
  EXPECT_NEAR(loss, want / 6, 1e-6);
  std::vector<float> scratch(d.size());
  GradientCheck check([&] {
    return bpr_loss(view(vectors, kSeeds, kChannels), pairs.view(), view(scratch, kSeeds, kChannels));
  });
  check.expect("vectors", vectors.data(), d);
}

TEST(BprLoss, IsFiniteHoweverFarScoresAreApart) {
  const Pairs pairs;
  for (const float scale : {1e3f, -1e3f}) {
    std::vector<float> vectors(kSeeds * kChannels, 1.0f), d(vectors.size());
    for (int64_t row = 3; row < 5; ++row)
      for (int64_t j = 0; j < kChannels; ++j) vectors[static_cast<size_t>(row * kChannels + j)] = scale;
    EXPECT_TRUE(
        std::isfinite(bpr_loss(view(vectors, kSeeds, kChannels), pairs.view(), view(d, kSeeds, kChannels))));
    for (const float g : d) ASSERT_TRUE(std::isfinite(g));
  }
}

TEST(FusionLoss, IsACrossEntropyOverCandidatesInsideAndOutside) {
  constexpr int64_t kWidth = kChannels + 1;
  Pairs pairs;
  pairs.positive[2] = -1;  // lies inside: node 3
  pairs.negative[1] = -1;  // lies inside as well
  std::vector<float> vectors = random_values(kSeeds * kWidth, 2, 0.5), logits = random_values(kNodes, 3);
  std::vector<float> dvectors(vectors.size()), dlogits(logits.size());
  const auto outside = [&](size_t i, int32_t row) {
    const int32_t source = pairs.source[i];
    return plain_dot(vectors, kWidth, source, row) +
           vectors[static_cast<size_t>(source * kWidth + kChannels)];
  };
  const auto weighted = [&](size_t i, int32_t row) {
    return std::exp(outside(i, row) + pairs.log_weight[i]);
  };
  const auto inside = [&](size_t node) { return std::exp(double{logits[node]}); };
  double want = 0;
  want += std::log(std::exp(outside(0, 3)) + inside(0) + inside(1) + weighted(0, 5)) - outside(0, 3);
  want += std::log(std::exp(outside(1, 4)) + weighted(1, 7) + weighted(1, 8)) - outside(1, 4);
  want += std::log(inside(3) + inside(4) + 2 * weighted(2, 3)) - double{logits[3]};
  const auto loss = [&](std::vector<float>& dv, std::vector<float>& dl) {
    return fusion_loss(view(vectors, kSeeds, kWidth), view(logits, kNodes, 1), pairs.view(),
                       view(dv, kSeeds, kWidth), view(dl, kNodes, 1));
  };
  EXPECT_NEAR(loss(dvectors, dlogits), want / 3, 1e-6);
  std::vector<float> v(vectors.size()), l(logits.size());
  GradientCheck check([&] { return loss(v, l); });
  check.expect("vectors", vectors.data(), dvectors);
  check.expect("logits", logits.data(), dlogits);
}

}  // namespace
}  // namespace rle
