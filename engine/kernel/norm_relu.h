// Layer normalisation, affine, ReLU and dropout in one pass over each row, forward and backward (Ba, Kiros,
// Hinton 2016; Srivastava et al. 2014). Saved for the backward pass: the normalised input, 1/std, and one bit
// a value (1 where the value went through ReLU and dropout); the output is rebuilt from them.
#pragma once

#include <cstdint>

#include "tensor/matrix.h"

namespace rle {

inline constexpr float kNormEpsilon = 1e-5f;

// Masks are a pure function of (row key, column): which rows share a tile or a thread does not matter.
struct Dropout {
  float probability = 0;               // 0: off; in steps of 2^-16
  const uint32_t* row_keys = nullptr;  // (rows)
  float scale() const { return 1.0f / (1.0f - probability); }
};

struct NormParameters {
  const float* weight;  // (cols)
  const float* bias;    // (cols)
};

// Bytes of a row of bits: whole groups of 16 columns.
inline int64_t mask_bytes(int64_t cols) { return (cols + 15) / 16 * 2; }

// What the backward pass needs of one call.
struct NormReluSaved {
  Matrix normalised;   // (rows, cols), contiguous
  float* inverse_std;  // (rows)
  uint8_t* mask;       // (rows, mask_bytes(cols)): column j is bit j % 8 of byte j / 8
  float scale;         // 1 / (1 - dropout probability)

  NormReluSaved slice(int64_t begin, int64_t end) const {
    return {normalised.slice(begin, end), inverse_std + begin, mask + begin * mask_bytes(normalised.cols),
            scale};
  }
  bool passed(int64_t i, int64_t j) const {
    return (mask[i * mask_bytes(normalised.cols) + j / 8] >> j % 8 & 1) != 0;
  }
  // Bytes are shared by eight columns of a row.
  void set_passed(int64_t i, int64_t j, bool passed) const {
    uint8_t& byte = mask[i * mask_bytes(normalised.cols) + j / 8];
    byte = static_cast<uint8_t>((byte & ~(1 << j % 8)) | static_cast<int>(passed) << j % 8);
  }
};

// y = shortcut + dropout(relu(weight * normalise(x) + bias)). y may be the memory of x or of the shortcut.
// NaN passes ReLU: a value that is not finite reaches the loss.
struct NormReluForward {
  ConstMatrix x;
  NormParameters parameters;
  Dropout dropout;
  NormReluSaved saved;
  Matrix y;
  ConstMatrix shortcut = {};  // none
  bool reads_soon = true;     // false: saved.normalised goes past the caches (whole rows of 64 bytes)
};
void norm_relu_forward(const NormReluForward& op);
void norm_relu_forward(ConstMatrix x, const NormParameters& parameters, const Dropout& dropout,
                       const NormReluSaved& saved, Matrix y);

// dx from dy (may be the same memory); gradients and sums (cols) are added to.
struct NormReluBackward {
  ConstMatrix dy;
  NormReluSaved saved;
  NormParameters parameters;
  float* weight_gradient;
  float* bias_gradient;
  Matrix dx;
  float* dx_sums = nullptr;  // += column sums of dx: the bias gradient of the linear map before
  Matrix rebuilt = {};       // set to what the forward pass gave, without the shortcut
};
void norm_relu_backward(const NormReluBackward& op);
void norm_relu_backward(ConstMatrix dy, const NormReluSaved& saved, const float* weight,
                        float* weight_gradient, float* bias_gradient, Matrix dx);

// What the forward pass gave, without the shortcut, from what was saved.
void norm_relu_rebuild(const NormReluSaved& saved, const NormParameters& parameters, Matrix y);

// The plain loops, for tests: the same contracts.
void norm_relu_forward_oracle(const NormReluForward& op);
void norm_relu_backward_oracle(const NormReluBackward& op);

// The 16 bits behind dropout of a value: it is kept where they are at least probability * 2^16. Two columns
// share a 32-bit hash (the mixer "lowbias32" found by C. Wellons' search): of every 32 columns the first 16
// take its lower half.
inline uint32_t dropout_bits(uint32_t row_key, uint32_t column) {
  uint32_t x = row_key + (column / 32 * 16 + column % 16) * 0x9e3779b9u;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  x ^= x >> 16;
  return column % 32 < 16 ? x & 0xffffu : x >> 16;
}

}  // namespace rle
