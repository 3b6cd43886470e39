#include "bench/measure.h"

#include <gtest/gtest.h>

#include <vector>

namespace rle {
namespace {

TEST(Measure, MedianOfOddAndEvenCounts) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({9, 1, 4}), 4);
  EXPECT_EQ(median({9, 1, 4, 2}), 3);
}

// A busy loop of this process is no other process's work.
TEST(Measure, OwnWorkIsNotCountedAsOthers) {
  const Watch watch;
  const double start = now_s();
  volatile double sum = 0;
  while (now_s() - start < 0.3) sum = sum + 1;
  EXPECT_GE(watch.wall_s(), 0.3);
  const double with_own = watch.others();
  EXPECT_GE(with_own, 0);
  EXPECT_LT(with_own, 1024);
}

TEST(Measure, PeakMemoryGrowsWithWhatIsTouchedAndStays) {
  const int64_t before = peak_memory_bytes();
  EXPECT_GT(before, 1 << 20);
  const int64_t more = before + (int64_t{1} << 26);
  {
    const std::vector<char> block(static_cast<size_t>(more), 1);
    EXPECT_GE(peak_memory_bytes(), more);
  }
  EXPECT_GE(peak_memory_bytes(), more);
}

}  // namespace
}  // namespace rle
