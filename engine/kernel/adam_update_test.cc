#include "kernel/adam_update.h"

#include "kernel/isa_testing.h"

namespace rle {
namespace {

class AdamUpdateTest : public IsaTest {};

TEST_P(AdamUpdateTest, EqualsTheOracle) {
  for (float decay : {0.0f, 0.01f})
    for (int64_t count : {0, 1, 7, 16, 100}) {
      const AdamFactors factors{0.9f, 0.1f, 0.999f, 0.001f, 0.05f, 0.0316f, 1e-8f, decay};
      const Matrix state = random(4, count), want = copy(state);
      for (int64_t i = 0; i < count; ++i)
        state.row(3)[i] = want.row(3)[i] = std::abs(state.row(3)[i]);  // second moments
      adam_update(factors, count, state.row(0), state.row(1), state.row(2), state.row(3));
      adam_update_oracle(factors, count, want.row(0), want.row(1), want.row(2), want.row(3));
      expect_near(state, want, 1e-6);
    }
}

// A parameter that never had a gradient stays where it is.
TEST_P(AdamUpdateTest, NoGradientAndNoMomentsMoveNothing) {
  const AdamFactors factors{0.9f, 0.1f, 0.999f, 0.001f, 0.05f, 0.0316f, 1e-8f, 0.0f};
  const Matrix values = random(1, 20), before = copy(values), zero = new_zero_matrix(arena_, 3, 20);
  adam_update(factors, 20, zero.row(0), values.data, zero.row(1), zero.row(2));
  expect_equal(values, before);
}

// Bit by bit, with other factors in each step.
TEST_P(AdamUpdateTest, CatchingUpEqualsStepsWithoutAGradient) {
  for (float decay : {0.0f, 0.01f})
    for (int64_t count : {0, 1, 7, 16, 40, 64, 100}) {
      std::vector<AdamFactors> factors;
      for (int s = 0; s < 9; ++s)
        factors.push_back(
            {0.9f, 0.1f, 0.999f, 0.001f, 0.05f / static_cast<float>(s + 1), 0.03f, 1e-8f, decay});
      const Matrix state = random(3, count), zero = new_zero_matrix(arena_, 1, count);
      for (int64_t i = 0; i < count; ++i) state.row(2)[i] = std::abs(state.row(2)[i]);
      const Matrix want = copy(state);
      for (const AdamFactors& f : factors)
        adam_update(f, count, zero.data, want.row(0), want.row(1), want.row(2));
      adam_catch_up(factors.data(), 9, count, state.row(0), state.row(1), state.row(2));
      expect_equal(state, want);
    }
}

RLE_FOR_EVERY_ISA(AdamUpdateTest);

}  // namespace
}  // namespace rle
