#include "kernel/adam_update.h"

#include <cmath>

#include "kernel/adam_update_simd.h"

namespace rle {

void adam_update(const AdamFactors& factors, int64_t count, const float* gradients, float* values,
                 float* first, float* second) {
  RLE_DISPATCH(adam_update(factors, count, gradients, values, first, second))
}

void adam_catch_up(const AdamFactors* factors, int64_t steps, int64_t count, float* values, float* first,
                   float* second) {
  RLE_DISPATCH(adam_catch_up(factors, steps, count, values, first, second))
}

void adam_update_oracle(const AdamFactors& factors, int64_t count, const float* gradients, float* values,
                        float* first, float* second) {
  for (int64_t i = 0; i < count; ++i) {
    const double g = double{gradients[i]} + double{factors.decay} * double{values[i]};
    const double m = double{first[i]} * double{factors.beta1} + double{factors.rest1} * g;
    const double v = double{second[i]} * double{factors.beta2} + double{factors.rest2} * g * g;
    first[i] = static_cast<float>(m);
    second[i] = static_cast<float>(v);
    const double divisor = std::sqrt(v) / double{factors.correction} + double{factors.epsilon};
    values[i] = static_cast<float>(double{values[i]} - double{factors.step_size} * m / divisor);
  }
}

}  // namespace rle
