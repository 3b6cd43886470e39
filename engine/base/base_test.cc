#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <set>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/thread_pool.h"
#include "base/time.h"

namespace rle {
namespace {

TEST(Nearest, FindsASpellingMistakeAndNothingFarAway) {
  const std::vector<std::string> names = {"drivers", "races", "results"};
  EXPECT_EQ(nearest("Driver", names), "drivers");
  EXPECT_EQ(nearest("zzzzzz", names), "");
  EXPECT_EQ(nearest("at", {"id", "age"}), "");  // nothing of it is left
  EXPECT_EQ(nearest("it", {"id", "age"}), "id");
  EXPECT_EQ(suggestion("rases", names), "; did you mean 'races'?");
  EXPECT_EQ(suggestion("zzzzzz", names), "; there are: drivers, races, results");
}

TEST(Rng, DrawsBelowAreUniform) {
  RngStream stream(RngKey(1).with("test"));
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts[stream.below(7)];
  for (int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

TEST(Rng, KeysDifferByEveryPart) {
  const RngKey key(5);
  EXPECT_NE(key.with(1).with(2).value(), key.with(2).with(1).value());
  EXPECT_NE(key.with("a").value(), key.with("b").value());
  EXPECT_EQ(key.with("a").bits(3), RngKey(5).with("a").bits(3));
}

TEST(Rng, NormalHasMeanZeroAndVarianceOne) {
  RngStream stream(RngKey(2));
  double sum = 0, squares = 0;
  constexpr int kDraws = 100'000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = stream.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0.0, 0.02);
  EXPECT_NEAR(squares / kDraws, 1.0, 0.02);
}

TEST(Permutation, VisitsEveryIndexOnce) {
  for (uint64_t size : {1ull, 2ull, 3ull, 100ull, 1025ull}) {
    const Permutation order(size, RngKey(size));
    std::set<uint64_t> seen;
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t at = order.at(i);
      EXPECT_LT(at, size);
      seen.insert(at);
    }
    EXPECT_EQ(seen.size(), size);
  }
}

TEST(ThreadPool, CoversEveryIndexOnceWithAnyNumberOfThreads) {
  for (int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    std::vector<std::atomic<int>> seen(1000);
    pool.for_chunks(1000, 7, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
    });
    for (const auto& count : seen) EXPECT_EQ(count, 1);
  }
}

TEST(ThreadPool, RethrowsAndStaysUsable) {
  ThreadPool pool(3);
  EXPECT_THROW(pool.for_each(100,
                             [](int64_t i) {
                               if (i == 42) fail(ErrorCode::kData, "row {}", i);
                             }),
               Error);
  std::atomic<int> count{0};
  pool.for_each(100, [&](int64_t) { ++count; });
  EXPECT_EQ(count, 100);
}

TEST(ThreadPool, StartsNothingBeforeTheFirstSharedLoop) {
  ThreadPool pool(1'000'000);
  EXPECT_EQ(pool.threads(), 1'000'000);
  int count = 0;
  pool.for_chunks(5, 5, [&](int64_t begin, int64_t end) { count += static_cast<int>(end - begin); });
  EXPECT_EQ(count, 5);
}

// In a process of its own, whose limit leaves room for some of the threads.
void exit_with_pool_error() {
  limit_memory(int64_t{256} << 20);
  ThreadPool pool(1000);
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      pool.for_each(2, [](int64_t) {});
      ::_exit(1);
    } catch (const Error& error) {
      if (attempt == 1) std::fputs(error.what(), stderr);
    }
  }
  ::_exit(3);
}

TEST(ThreadPool, ThreadsThatTheMemoryLimitRefusesAreAnError) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer reserves more than any limit allows";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(exit_with_pool_error(), ::testing::ExitedWithCode(3),
              "1000 threads cannot be started .* and the memory limit is 256 MiB; use fewer threads");
}

TEST(Time, CivilTimeRoundTripsOnBothSidesOf1970) {
  for (int64_t day = -200'000; day < 200'000; day += 977) {
    const int64_t t = day * kMicrosPerDay + 3'723'000'045;
    const CivilTime c = civil_from_micros(t);
    EXPECT_EQ(micros_from_civil(c.year, c.month, c.day, c.hour, c.minute, c.second, c.microsecond), t);
  }
  EXPECT_EQ(civil_from_micros(0).weekday, 3);
  EXPECT_EQ(civil_from_micros(-1).year, 1969);
  EXPECT_EQ(floor_seconds(-1), -1);
}

TEST(Time, ReadsIsoFormsAndRefusesOthers) {
  const int64_t day = micros_from_civil(2020, 8, 31);
  bool zone = true;
  EXPECT_EQ(parse_time("2020-08-31", &zone), day);
  EXPECT_FALSE(zone);
  EXPECT_EQ(parse_time("2020-08-31 01:02:03.5"), day + 3'723'500'000);
  EXPECT_EQ(parse_time("2020-08-31T02:00:00+02:00", &zone), day);
  EXPECT_TRUE(zone);
  for (const char* bad :
       {"31.08.2020", "2020-02-30", "2020-08-31 25:00", "2020-08-31x", "", "2020-08-31 12:00 +2"})
    EXPECT_EQ(parse_time(bad), std::nullopt) << bad;
  EXPECT_EQ(format_time(day), "2020-08-31");
  EXPECT_EQ(format_time(day + 1), "2020-08-31 00:00:00.000001");
}

TEST(Time, ReadsDurations) {
  EXPECT_EQ(parse_duration("60d"), 60 * kMicrosPerDay);
  EXPECT_EQ(parse_duration("1d 12h"), kMicrosPerDay * 3 / 2);
  EXPECT_EQ(parse_duration("5"), std::nullopt);
  EXPECT_EQ(parse_duration("5y"), std::nullopt);
}

}  // namespace
}  // namespace rle
