#include "nn/step.h"

#include <gtest/gtest.h>

#include "kernel/gemm.h"
#include "nn/step_testing.h"

namespace rle {
namespace {

TEST(Slots, AreAtMostEightRunsOfWholeTilesThatCoverTheRows) {
  for (int64_t rows : {0, 1, 255, 256, 257, 2048, 2049, 3000, 100'000}) {
    const Slots slots(rows);
    EXPECT_LE(slots.count, 8) << rows;
    int64_t next = 0;
    for (int64_t s = 0; s < slots.count; ++s) {
      EXPECT_EQ(slots.begin(s), next) << rows;
      EXPECT_GT(slots.end(s), slots.begin(s)) << rows << ": an empty slot";
      EXPECT_EQ(slots.begin(s) % kTileRows, 0) << rows;
      next = slots.end(s);
    }
    EXPECT_EQ(next, rows);
  }
}

TEST(Tiles, CutARangeInOrder) {
  std::vector<int64_t> seen;
  for_tiles(0, 500, [&](int64_t begin, int64_t end) { seen.insert(seen.end(), {begin, end}); });
  EXPECT_EQ(seen, (std::vector<int64_t>{0, kTileRows, kTileRows, 2 * kTileRows, 2 * kTileRows, 500}));
  for_tiles(5, 5, [](int64_t, int64_t) { FAIL() << "an empty range has no tile"; });
}

TEST(ReduceSlots, AddsEverySlotOnceToWhatWasThere) {
  StepBench bench(3);
  Step step = bench.step(true);
  std::vector<float> out{100, 7};
  reduce_slots(step, 3000, 2, out.data(), [](int64_t begin, int64_t end, float* sum) {
    EXPECT_EQ(sum[0], 0.0f) << "buffers start from zero";
    sum[0] += static_cast<float>(end - begin);
    sum[1] += 1;
  });
  EXPECT_EQ(out[0], 3100);
  EXPECT_EQ(out[1], 7 + static_cast<float>(Slots(3000).count));
  reduce_slots(step, 0, 2, out.data(), [](int64_t, int64_t, float*) { FAIL() << "no rows have no slot"; });
  EXPECT_EQ(out[0], 3100);
}

TEST(AddSlots, SumsBuffersInOrder) {
  ThreadPool pool(2);
  constexpr int64_t size = 40'000;  // more than one chunk
  std::vector<float> buffers = random_values(3 * size, 1), out = random_values(size, 2), want = out;
  for (size_t slot = 0; slot < 3; ++slot)
    for (size_t i = 0; i < size; ++i) want[i] += buffers[slot * size + i];
  add_slots(pool, buffers.data(), 3, size, out.data());
  EXPECT_TRUE(same_bits(out, want));
}

class Linear : public ::testing::TestWithParam<int64_t> {};

TEST_P(Linear, GradientsEqualThePlainSums) {
  const int64_t rows = GetParam(), out = 5, in = 7;
  StepBench bench(2);
  Step step = bench.step(true);
  std::vector<float> dy = random_values(rows * out, 1), x = random_values(rows * in, 2);
  // The weight is the middle of a wider one, as a column's part of the first linear map is.
  std::vector<float> wide = random_values(out * (in + 4), 3), bias = random_values(out, 4);
  const std::vector<float> wide_before = wide, bias_before = bias;
  const Matrix weight = view(wide, out, in + 4).columns(2, 2 + in);
  add_linear_gradient(step, view(dy, rows, out), view(x, rows, in), {weight, bias.data()});
  for (int64_t i = 0; i < out; ++i) {
    double bias_sum = double{bias_before[static_cast<size_t>(i)]};
    for (int64_t r = 0; r < rows; ++r) bias_sum += double{dy[static_cast<size_t>(r * out + i)]};
    EXPECT_NEAR(bias[static_cast<size_t>(i)], bias_sum, 1e-3);
    for (int64_t j = -2; j < in + 2; ++j) {
      double sum = double{wide_before[static_cast<size_t>(i * (in + 4) + j + 2)]};
      if (j >= 0 && j < in)
        for (int64_t r = 0; r < rows; ++r)
          sum += double{dy[static_cast<size_t>(r * out + i)]} * double{x[static_cast<size_t>(r * in + j)]};
      EXPECT_NEAR(weight.row(i)[j], sum, 1e-3) << i << ", " << j;
    }
  }
}

TEST_P(Linear, ProductsOfAllRows) {
  const int64_t rows = GetParam(), k = 6, n = 9;
  StepBench bench(2);
  Step step = bench.step(true);
  std::vector<float> a = random_values(rows * k, 1), b = random_values(k * n, 2),
                     c(static_cast<size_t>(rows * n));
  std::vector<float> want = c;
  parallel_gemm(step, view(a, rows, k), pack(view(b, k, n), bench.arena), view(c, rows, n),
                GemmMode::kOverwrite);
  gemm_oracle(view(a, rows, k), view(b, k, n), view(want, rows, n), GemmMode::kOverwrite);
  for (size_t i = 0; i < c.size(); ++i) ASSERT_NEAR(c[i], want[i], 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Rows, Linear, ::testing::Values(0, 1, 300, 3001));

}  // namespace
}  // namespace rle
