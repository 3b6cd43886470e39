#include "kernel/segment_simd.h"

namespace rle::RLE_ISA {
namespace {

inline void set_zero(float* y, int64_t cols) {
#pragma omp simd
  for (int64_t j = 0; j < cols; ++j) y[j] = 0.0f;
}

inline void add(float* __restrict y, const float* __restrict x, int64_t cols) {
#pragma omp simd
  for (int64_t j = 0; j < cols; ++j) y[j] += x[j];
}

inline void add_scaled(float* __restrict y, const float* __restrict x, float scale, int64_t cols) {
#pragma omp simd
  for (int64_t j = 0; j < cols; ++j) y[j] += scale * x[j];
}

inline void multiply(float* y, float scale, int64_t cols) {
#pragma omp simd
  for (int64_t j = 0; j < cols; ++j) y[j] *= scale;
}

}  // namespace

void segment_sum(const SegmentOperands& op) {
  for (int64_t i = op.begin; i < op.end; ++i) {
    float* y = op.y + i * op.cols;
    if (!op.accumulate) set_zero(y, op.cols);
    for (int64_t e = op.offsets[i]; e < op.offsets[i + 1]; ++e) {
      const int64_t from = op.index[e];
      if (from >= op.limit) break;
      const float* x = op.x + from * op.cols;
      if (op.scale != nullptr && (op.scale_by_index || op.accumulate))
        add_scaled(y, x, op.scale_by_index ? op.scale[from] : op.scale[i], op.cols);
      else
        add(y, x, op.cols);
    }
    if (op.scale != nullptr && !op.scale_by_index && !op.accumulate) multiply(y, op.scale[i], op.cols);
  }
}

void gather_rows(const SegmentOperands& op) {
  for (int64_t i = op.begin; i < op.end; ++i) {
    float* y = op.y + i * op.cols;
    if (!op.accumulate) set_zero(y, op.cols);
    if (op.index[i] >= 0) add(y, op.x + op.index[i] * op.cols, op.cols);
  }
}

void add_column_sums(const float* x, int64_t rows, int64_t cols, float* out) {
  for (int64_t i = 0; i < rows; ++i) add(out, x + i * cols, cols);
}

}  // namespace rle::RLE_ISA
