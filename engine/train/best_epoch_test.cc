#include "train/best_epoch.h"

#include <gtest/gtest.h>

#include <cmath>

namespace rle {
namespace {

TEST(BestEpoch, HigherOrLower) {
  BestEpoch higher(true, std::nullopt), lower(false, std::nullopt);
  const double values[] = {0.5, 0.7, 0.6};
  for (int i = 0; i < 3; ++i) {
    higher.observe(i + 1, values[i]);
    lower.observe(i + 1, values[i]);
  }
  EXPECT_EQ(higher.epoch(), 2);
  EXPECT_EQ(higher.value(), 0.7);
  EXPECT_EQ(lower.epoch(), 1);
}

TEST(BestEpoch, AmongEqualsTheLaterButPatienceRunsOn) {
  BestEpoch best(true, 2);
  EXPECT_FALSE(best.epoch().has_value());
  EXPECT_TRUE(best.observe(1, 0.5));
  EXPECT_TRUE(best.observe(2, 0.5));
  EXPECT_FALSE(best.exhausted());
  EXPECT_FALSE(best.observe(3, 0.4));
  EXPECT_EQ(best.epoch(), 2);
  EXPECT_TRUE(best.exhausted());
}

TEST(BestEpoch, PatienceCountsEvaluationsSinceTheLastImprovement) {
  BestEpoch best(false, 3);
  const double values[] = {5, 6, 6, 4, 5, 5, 5};
  int stopped = 0;
  for (int i = 0; i < 7 && stopped == 0; ++i) {
    best.observe(i + 1, values[i]);
    if (best.exhausted()) stopped = i + 1;
  }
  EXPECT_EQ(stopped, 7);
  EXPECT_EQ(best.epoch(), 4);
}

TEST(BestEpoch, UndefinedIsWorseThanAnyNumber) {
  BestEpoch best(true, std::nullopt);
  EXPECT_TRUE(best.observe(1, NAN));
  EXPECT_TRUE(best.observe(2, NAN));
  EXPECT_TRUE(best.observe(3, -1e9));
  EXPECT_FALSE(best.observe(4, NAN));
  EXPECT_EQ(best.epoch(), 3);
}

}  // namespace
}  // namespace rle
