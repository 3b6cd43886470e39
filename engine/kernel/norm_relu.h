// Layer normalisation, affine, ReLU and dropout in one pass over each row, forward and backward (Ba, Kiros,
// Hinton 2016; Srivastava et al. 2014). Saved for the backward pass: the normalised input, 1/std, and one
// byte a value (1 where the value went through ReLU and dropout); the output is rebuilt from them.
#pragma once

#include <cstdint>

#include "tensor/matrix.h"

namespace rle {

inline constexpr float kNormEpsilon = 1e-5f;

// Masks are a pure function of (row key, column): which rows share a tile or a thread does not matter.
struct Dropout {
  float probability = 0;               // 0: off
  const uint32_t* row_keys = nullptr;  // (rows)
  float scale() const { return 1.0f / (1.0f - probability); }
};

struct NormParameters {
  const float* weight;  // (cols)
  const float* bias;    // (cols)
};

// What the backward pass needs of one call.
struct NormReluSaved {
  Matrix normalised;   // (rows, cols)
  float* inverse_std;  // (rows)
  uint8_t* mask;       // (rows, cols)
  float scale;         // 1 / (1 - dropout probability)
  NormReluSaved slice(int64_t begin, int64_t end) const {
    return {normalised.slice(begin, end), inverse_std + begin, mask + begin * normalised.cols, scale};
  }
};

// NaN passes ReLU: a value that is not finite reaches the loss.
// y = dropout(relu(weight * normalise(x) + bias));
void norm_relu_forward(ConstMatrix x, const NormParameters& parameters, const Dropout& dropout,
                       const NormReluSaved& saved, Matrix y);

// y again, from what was saved.
void norm_relu_rebuild(const NormReluSaved& saved, const NormParameters& parameters, Matrix y);

// dx from dy (may be the same memory); adds to weight_gradient and bias_gradient (cols).
void norm_relu_backward(ConstMatrix dy, const NormReluSaved& saved, const float* weight,
                        float* weight_gradient, float* bias_gradient, Matrix dx);

void norm_relu_forward_oracle(ConstMatrix x, const NormParameters& parameters, const Dropout& dropout,
                              const NormReluSaved& saved, Matrix y);
void norm_relu_backward_oracle(ConstMatrix dy, const NormReluSaved& saved, const float* weight,
                               float* weight_gradient, float* bias_gradient, Matrix dx);

// The 32-bit hash behind dropout: keep where hash >= probability * 2^32. (The mixer "lowbias32" found by C.
// Wellons' search.)
inline uint32_t dropout_bits(uint32_t row_key, uint32_t column) {
  uint32_t x = row_key + column * 0x9e3779b9u;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

}  // namespace rle
