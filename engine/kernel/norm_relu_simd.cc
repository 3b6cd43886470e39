#include "kernel/norm_relu_simd.h"

namespace rle::RLE_ISA {
namespace {

constexpr float kEpsilon = 1e-5f;

inline float square_root(float x) { return __builtin_sqrtf(x); }

// The same bits as dropout_bits in norm_relu.h.
inline uint32_t hash(uint32_t row_key, uint32_t column) {
  uint32_t x = row_key + column * 0x9e3779b9u;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

float normalise(int64_t cols, const float* x, float* normalised) {
  float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < cols; ++j) sum += x[j];
  const float mean = sum / static_cast<float>(cols);
#pragma omp simd reduction(+ : squares)
  for (int64_t j = 0; j < cols; ++j) {
    const float centred = x[j] - mean;
    squares += centred * centred;
  }
  const float inverse_std = 1.0f / square_root(squares / static_cast<float>(cols) + kEpsilon);
#pragma omp simd
  for (int64_t j = 0; j < cols; ++j) normalised[j] = (x[j] - mean) * inverse_std;
  return inverse_std;
}

}  // namespace

void norm_relu_forward(const NormReluOperands& op) {
  for (int64_t i = 0; i < op.rows; ++i) {
    float* normalised = op.normalised + i * op.cols;
    uint8_t* mask = op.mask + i * op.cols;
    float* y = op.output + i * op.cols;
    op.inverse_std[i] = normalise(op.cols, op.input + i * op.cols, normalised);
    if (op.row_keys == nullptr) {
#pragma omp simd
      for (int64_t j = 0; j < op.cols; ++j) {
        const float z = op.weight[j] * normalised[j] + op.bias[j];
        const bool passes = !(z <= 0.0f);  // a NaN passes, so that it is seen
        mask[j] = passes;
        y[j] = passes ? z : 0.0f;
      }
    } else {
      const uint32_t key = op.row_keys[i];
#pragma omp simd
      for (int64_t j = 0; j < op.cols; ++j) {
        const float z = op.weight[j] * normalised[j] + op.bias[j];
        const bool kept = !(z <= 0.0f) & (hash(key, static_cast<uint32_t>(j)) >= op.drop_below);
        mask[j] = kept;
        y[j] = kept ? z * op.scale : 0.0f;
      }
    }
  }
}

void norm_relu_rebuild(const NormReluOperands& op) {
  for (int64_t i = 0; i < op.rows; ++i) {
    const float* normalised = op.normalised + i * op.cols;
    const uint8_t* mask = op.mask + i * op.cols;
    float* y = op.output + i * op.cols;
#pragma omp simd
    for (int64_t j = 0; j < op.cols; ++j)
      y[j] = mask[j] ? (op.weight[j] * normalised[j] + op.bias[j]) * op.scale : 0.0f;
  }
}

void norm_relu_backward(const NormReluOperands& op) {
  const float inverse_cols = 1.0f / static_cast<float>(op.cols);
  for (int64_t i = 0; i < op.rows; ++i) {
    const float* dy = op.input + i * op.cols;
    const float* normalised = op.normalised + i * op.cols;
    const uint8_t* mask = op.mask + i * op.cols;
    float* dx = op.output + i * op.cols;
    float sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
    for (int64_t j = 0; j < op.cols; ++j) {
      const float dz = mask[j] ? dy[j] * op.scale : 0.0f;
      op.bias_gradient[j] += dz;
      op.weight_gradient[j] += dz * normalised[j];
      const float scaled = dz * op.weight[j];
      sum += scaled;
      dot += scaled * normalised[j];
      dx[j] = scaled;
    }
    const float mean = sum * inverse_cols, mean_dot = dot * inverse_cols, inverse_std = op.inverse_std[i];
#pragma omp simd
    for (int64_t j = 0; j < op.cols; ++j) dx[j] = inverse_std * (dx[j] - mean - normalised[j] * mean_dot);
  }
}

}  // namespace rle::RLE_ISA
