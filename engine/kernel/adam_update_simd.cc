#include "kernel/adam_update_simd.h"

namespace rle::RLE_ISA {

void adam_update(const AdamFactors& factors, int64_t count, const float* __restrict gradients,
                 float* __restrict values, float* __restrict first, float* __restrict second) {
  const AdamFactors f = factors;
  const float step = f.step_size * f.correction, floor = f.epsilon * f.correction;  // one division a value
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const float g = gradients[i] + f.decay * values[i];
    const float m = first[i] * f.beta1 + f.rest1 * g;
    const float v = second[i] * f.beta2 + f.rest2 * g * g;
    first[i] = m;
    second[i] = v;
    values[i] -= step * (m / (__builtin_sqrtf(v) + floor));
  }
}

}  // namespace rle::RLE_ISA
