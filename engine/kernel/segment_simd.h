// What segment_simd.cc defines once per instruction set: operations on single rows; included by segment*.cc
// only.
#pragma once

#include <cstdint>

#include "kernel/isa.h"

namespace rle {

struct SegmentOperands {
  const int32_t* offsets;
  const int32_t* index;
  int64_t begin, end, cols;
  int64_t limit;       // list numbers from here on are left out (transposed); INT64_MAX: none
  const float* scale;  // per list, or nullptr
  int scale_by_index;  // 0: scale[i] of the output row; 1: scale[index] of the row read
  const float* x;
  int accumulate;
  float* y;
};

RLE_DECLARE_SIMD(void segment_sum(const SegmentOperands& op))
RLE_DECLARE_SIMD(void gather_rows(const SegmentOperands& op))
RLE_DECLARE_SIMD(void add_column_sums(const float* x, int64_t rows, int64_t cols, float* out))

}  // namespace rle
