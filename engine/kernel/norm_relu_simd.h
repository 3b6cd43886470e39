// What norm_relu_simd.cc defines once per instruction set; included by norm_relu.cc and norm_relu_simd.cc
// only.
#pragma once

#include <cstdint>

#include "kernel/isa.h"

namespace rle {

// Raw form of the calls in norm_relu.h; matrices are (rows, cols) row-major.
struct NormReluOperands {
  int64_t rows, cols;
  const float* input;  // x, or dy
  float* normalised;
  float* inverse_std;
  uint8_t* mask;
  const float* weight;
  const float* bias;
  const uint32_t* row_keys;  // nullptr: no dropout
  uint32_t drop_below;       // dropped where the hash is less
  float scale;
  float* output;  // y, or dx
  float* weight_gradient;
  float* bias_gradient;
};

RLE_DECLARE_SIMD(void norm_relu_forward(const NormReluOperands& op))
RLE_DECLARE_SIMD(void norm_relu_rebuild(const NormReluOperands& op))
RLE_DECLARE_SIMD(void norm_relu_backward(const NormReluOperands& op))

}  // namespace rle
