#include "kernel/time_encoding.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "kernel/isa_testing.h"

namespace rle {
namespace {

void expect_row(const float* got, const std::vector<double>& want, double tolerance) {
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << "element " << i;
}

TEST(TimeFrequencies, FallFromOneToATenThousandthByEqualFactors) {
  const std::vector<float> narrow = time_frequencies(8);
  ASSERT_EQ(narrow.size(), 4u);
  EXPECT_EQ(narrow[0], 1.0f);
  EXPECT_EQ(narrow[1], 0.0464158878f);   // 10^(-4/3)
  EXPECT_EQ(narrow[2], 0.00215443480f);  // 10^(-8/3)
  EXPECT_EQ(narrow[3], 1e-4f);
  const std::vector<float> wide = time_frequencies(128);
  ASSERT_EQ(wide.size(), 64u);
  EXPECT_EQ(wide[1], 0.863988459f);    // 10000^(-1/63)
  EXPECT_EQ(wide[31], 0.0107583590f);  // 10000^(-31/63)
  EXPECT_EQ(wide[63], 1e-4f);
}

TEST(TimeFrequencies, TheNarrowestHasOneAndOddWidthsAreRefused) {
  EXPECT_EQ(time_frequencies(2), std::vector<float>{1.0f});
  EXPECT_THROW(time_frequencies(7), Error);
  EXPECT_THROW(time_frequencies(0), Error);
}

TEST(TimeDeltas, SinesThenCosinesOfDays) {
  const int64_t delta_s[] = {0, 86400, -43200, 3600};
  float out[4 * 8];
  encode_time_deltas(delta_s, 4, time_frequencies(8), Matrix(out, 4, 8));
  expect_row(out, {0, 0, 0, 0, 1, 1, 1, 1}, 0);
  expect_row(out + 8,
             {0.841470985, 0.0463992229, 0.00215443313, 9.99999973e-5, 0.540302306, 0.998922976, 0.999997679,
              0.999999995},
             1e-7);
  expect_row(out + 16,
             {-0.479425539, -0.0232058606, -0.00107721719, -4.99999987e-5, 0.877582562, 0.999730708,
              0.99999942, 0.999999999},
             1e-7);
  expect_row(
      out + 24,
      {0.0416546126, 0.0019339942, 8.97681165e-5, 4.16666671e-6, 0.99913207, 0.99999813, 0.999999996, 1.0},
      1e-7);
}

// Fifty-five years are 20000 days: the sine of a large angle, rounded to fp32 before it is reduced.
TEST(TimeDeltas, LargeDifferences) {
  const int64_t delta_s[] = {1728012345, -631152000};
  float out[2 * 8];
  encode_time_deltas(delta_s, 2, time_frequencies(8), Matrix(out, 2, 8));
  expect_row(out,
             {0.691631388, -0.999868341, -0.779139955, 0.909291474, 0.722250665, -0.0162265682, 0.626850007,
              -0.416159844},
             2e-7);
  expect_row(out + 8,
             {0.715318934, 0.222085034, 0.030177978, -0.667242126, -0.698798127, 0.975027301, -0.999544541,
              0.744840886},
             2e-7);
}

// 1728012353 s: as fp32 divided in fp32, 20000.14453125 days; divided in double first, 20000.142578125.
TEST(TimeDeltas, AreRoundedBeforeTheyAreDivided) {
  const int64_t delta_s[] = {1728012353};
  float out[8];
  encode_time_deltas(delta_s, 1, time_frequencies(8), Matrix(out, 1, 8));
  EXPECT_NEAR(out[0], 0.693040713, 1e-6) << "0.691631388 is the sine of the other";
  EXPECT_NEAR(out[1], -0.999869329, 1e-6);
  EXPECT_NEAR(out[5], -0.0161655410, 1e-6);
}

class TimeDeltasTest : public IsaTest {};

// Widths that fill no vector, ages from none to a century, both signs: within one rounding of the oracle.
TEST_P(TimeDeltasTest, EqualTheOracle) {
  std::vector<int64_t> delta_s;
  for (int64_t i = 0; i < 300; ++i)
    delta_s.push_back(static_cast<int64_t>(stream_.below(3'200'000'000)) >> stream_.below(32));
  for (size_t i = 0; i < delta_s.size(); i += 3) delta_s[i] = -delta_s[i];
  const int64_t n = static_cast<int64_t>(delta_s.size());
  for (int64_t width : {2, 6, 34, 128}) {
    const Matrix got = random(n, width), want = random(n, width);
    encode_time_deltas(delta_s.data(), n, time_frequencies(width), got);
    encode_time_deltas_oracle(delta_s.data(), n, time_frequencies(width), want);
    expect_near(got, want, 6.1e-8);
  }
}

// A row far away is computed by the oracle, and its neighbours with it.
TEST_P(TimeDeltasTest, FarAwayRowsAmongNearOnes) {
  const int64_t delta_s[] = {86400, int64_t{1} << 60, 3600};
  const Matrix got = random(3, 8), want = random(3, 8);
  encode_time_deltas(delta_s, 3, time_frequencies(8), got);
  encode_time_deltas_oracle(delta_s, 3, time_frequencies(8), want);
  expect_equal(got, want);
}

RLE_FOR_EVERY_ISA(TimeDeltasTest);

TEST(TimeDeltas, StayBoundedAtTheEndsOfTheRange) {
  const int64_t delta_s[] = {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
  float out[2 * 8];
  encode_time_deltas(delta_s, 2, time_frequencies(8), Matrix(out, 2, 8));
  for (float value : out) EXPECT_LE(std::abs(value), 1.0f);
}

TEST(TimeDeltas, None) {
  EXPECT_NO_THROW(encode_time_deltas(nullptr, 0, time_frequencies(8), Matrix(nullptr, 0, 8)));
  EXPECT_NO_THROW(encode_calendar(nullptr, 0, Matrix(nullptr, 0, kCalendarFeatures)));
}

TEST(Calendar, AMomentByHand) {
  const float parts[] = {17, 7, 30, 0, 23, 30, 59};  // Monday 2020-08-31 23:30:59, least year 2003
  float out[kCalendarFeatures];
  encode_calendar(parts, 1, Matrix(out, 1, kCalendarFeatures));
  const double half = std::sqrt(0.5), sixth = std::sqrt(0.75);
  // Year: 17, 1.7, 0.17, 0.017 in radians.
  expect_row(out,
             {-0.961397492, 0.991664810, 0.169182349, 0.0169991811, -0.275163338, -0.128844494, 0.985584767,
              0.999855503},
             1e-6);
  // Month: multiples of 105 degrees, cosines of twice that.
  expect_row(out + 8, {std::sin(105 * M_PI / 180), -0.5, -half, sixth, -sixth, 0.5, 0, -0.5}, 2e-6);
  // Day: 30/31 of half a turn.
  expect_row(
      out + 16,
      {0.10116832, -0.20129852, 0.29936312, -0.39435586, 0.97952994, 0.91895781, 0.82076344, 0.68896692},
      2e-6);
  // Monday is nought.
  expect_row(out + 24, {0, 0, 0, 0, 1, 1, 1, 1}, 0);
  // Hour: 172.5 degrees.
  expect_row(out + 32, {0.13052619, -0.25881905, 0.38268343, -0.5, 0.96592583, sixth, half, 0.5}, 2e-6);
  // Minute: a right angle.
  expect_row(out + 40, {1, 0, -1, 0, -1, 1, -1, 1}, 2e-6);
  // Second: 177 degrees.
  expect_row(out + 48,
             {0.05233596, -0.10452846, 0.15643447, -0.20791169, 0.9945219, 0.9781476, 0.95105652, 0.91354546},
             2e-6);
}

TEST(Calendar, AYearBeforeTheLeastIsNegative) {
  const float parts[] = {-3, 0, 0, 6, 0, 0, 0};
  float out[kCalendarFeatures];
  encode_calendar(parts, 1, Matrix(out, 1, kCalendarFeatures));
  expect_row(
      out,
      {-0.14112001, -0.29552021, -0.0299955, -0.0029999955, -0.9899925, 0.95533649, 0.99955003, 0.9999955},
      1e-6);
  expect_row(
      out + 24,
      {0.43388374, -0.78183148, 0.97492791, -0.97492791, 0.6234898, -0.22252093, -0.90096887, -0.90096887},
      2e-6);
}

}  // namespace
}  // namespace rle
