// What segment_simd.cc defines once per instruction set; included by segment*.cc only.
#pragma once

#include <cstdint>

#include "kernel/isa.h"
#include "kernel/list_term.h"

namespace rle {

struct ListSumOperands {
  const ListTerm* terms;
  int64_t count;
  int64_t begin, end, cols;
  int64_t stride;  // floats from one row to the next, of y and of every x
  int accumulate;
  float* y;  // row begin
};

struct ListMaxOperands {
  const int32_t* offsets;
  const int32_t* index;
  int64_t begin, end, cols;
  const float* x;
  float* y;
  float* ties;
};

struct ListMaxGradientOperands {
  const int32_t* offsets;  // transposed
  const int32_t* index;
  int64_t begin, end, cols;
  int64_t limit;  // list numbers from here on are left out
  const float* x;
  const float* y;
  const float* ties;
  const float* dy;
  float* dx;
};

RLE_DECLARE_SIMD(void list_sum(const ListSumOperands& op))
RLE_DECLARE_SIMD(void segment_max(const ListMaxOperands& op))
RLE_DECLARE_SIMD(void segment_max_backward(const ListMaxGradientOperands& op))
RLE_DECLARE_SIMD(void add_column_sums(const float* x, const float* scale, int64_t rows, int64_t cols,
                                      float* out))

}  // namespace rle
