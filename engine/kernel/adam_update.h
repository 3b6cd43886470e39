// Steps of Adam over a run of parameters (Kingma & Ba 2015), with coupled L2: the gradient becomes g + decay
// w. The same bits on every instruction set but for fused multiply-adds.
#pragma once

#include <cstdint>

namespace rle {

struct AdamFactors {
  float beta1, rest1;  // rest: 1 - beta
  float beta2, rest2;
  float step_size;   // lr / (1 - beta1^t)
  float correction;  // sqrt(1 - beta2^t)
  float epsilon, decay;
};

// m = beta1 m + rest1 g, v = beta2 v + rest2 g^2, w -= step_size m / (sqrt(v) / correction + epsilon).
void adam_update(const AdamFactors& factors, int64_t count, const float* gradients, float* values,
                 float* first, float* second);

// `steps` such updates with the gradient 0, one after the other: the same bits as that many calls, with the
// values read and written once.
void adam_catch_up(const AdamFactors* factors, int64_t steps, int64_t count, float* values, float* first,
                   float* second);

// The plain loop, for tests: the same contract.
void adam_update_oracle(const AdamFactors& factors, int64_t count, const float* gradients, float* values,
                        float* first, float* second);

}  // namespace rle
