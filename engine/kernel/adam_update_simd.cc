#include "kernel/adam_update_simd.h"

#include "kernel/simd_lanes.h"

namespace rle::RLE_ISA {
namespace {

constexpr int kTogether = 4;  // vectors whose divisions overlap

struct Moments {
  FloatVector value, first, second;
};

inline FloatVector all(float x) { return FloatVector{} + x; }

// Operations are spelt out: adam_update and adam_catch_up must round alike.
inline void advance(const AdamFactors& f, FloatVector gradient, Moments& x) {
  const float step = f.step_size * f.correction, floor = f.epsilon * f.correction;  // one division a value
  const FloatVector g = multiply_add(all(f.decay), x.value, gradient);
  x.first = multiply_add(all(f.rest1), g, all(f.beta1) * x.first);
  x.second = multiply_add(all(f.rest2) * g, g, all(f.beta2) * x.second);
  x.value = multiply_add(all(-step), x.first / (square_root(x.second) + floor), x.value);
}

}  // namespace

void adam_update(const AdamFactors& factors, int64_t count, const float* gradients, float* values,
                 float* first, float* second) {
  const AdamFactors f = factors;
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t left = count - i;
    Moments x{load_first(values + i, left), load_first(first + i, left), load_first(second + i, left)};
    advance(f, load_first(gradients + i, left), x);
    store_first(values + i, x.value, left);
    store_first(first + i, x.first, left);
    store_first(second + i, x.second, left);
  }
}

void adam_catch_up(const AdamFactors* factors, int64_t steps, int64_t count, float* values, float* first,
                   float* second) {
  for (int64_t i = 0; i < count; i += kTogether * kLanes) {
    Moments x[kTogether];
    RLE_UNROLL for (int k = 0; k < kTogether; ++k) {
      const int64_t at = i + k * kLanes, left = count - at > 0 ? count - at : 0;
      x[k] = {load_first(values + at, left), load_first(first + at, left), load_first(second + at, left)};
    }
    for (int64_t s = 0; s < steps; ++s)
      RLE_UNROLL for (int k = 0; k < kTogether; ++k) advance(factors[s], FloatVector{}, x[k]);
    RLE_UNROLL for (int k = 0; k < kTogether; ++k) {
      const int64_t at = i + k * kLanes, left = count - at > 0 ? count - at : 0;
      store_first(values + at, x[k].value, left);
      store_first(first + at, x[k].first, left);
      store_first(second + at, x[k].second, left);
    }
  }
}

}  // namespace rle::RLE_ISA
