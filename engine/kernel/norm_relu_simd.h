// What norm_relu_simd.cc defines once per instruction set; included by norm_relu.cc and norm_relu_simd.cc
// only.
#pragma once

#include <cstdint>

#include "kernel/isa.h"

namespace rle {

// Raw form of the calls in norm_relu.h. Elements from one row to the next where a matrix has a stride, else
// cols.
struct NormReluOperands {
  int64_t rows, cols;
  const float* input;  // x, or dy
  int64_t input_stride;
  float* normalised;
  bool streams;  // normalised is written past the caches; its rows are aligned
  float* inverse_std;
  uint8_t* mask;
  const float* weight;
  const float* bias;
  const uint32_t* row_keys;  // nullptr: no dropout
  uint32_t drop_below;       // dropped where the 16 bits are less
  float scale;
  float* output;  // y, or dx
  int64_t output_stride;
  const float* shortcut;  // nullptr: none
  int64_t shortcut_stride;
  float* rebuilt;  // nullptr: not wanted
  int64_t rebuilt_stride;
  float* weight_gradient;
  float* bias_gradient;
  float* output_sums;  // nullptr: not wanted
};

RLE_DECLARE_SIMD(void norm_relu_forward(const NormReluOperands& op))
RLE_DECLARE_SIMD(void norm_relu_rebuild(const NormReluOperands& op))
RLE_DECLARE_SIMD(void norm_relu_backward(const NormReluOperands& op))

}  // namespace rle
