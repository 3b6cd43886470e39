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

inline float normalise(int64_t cols, const float* x, float* normalised) {
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

// Byte stores may alias anything: pointers are hoisted out of the loops, or nothing of them is vectorised.
void norm_relu_forward(const NormReluOperands& op) {
  const int64_t cols = op.cols;
  const float* __restrict weight = op.weight;
  const float* __restrict bias = op.bias;
  const float scale = op.scale;
  const uint32_t drop_below = op.drop_below;
  for (int64_t i = 0; i < op.rows; ++i) {
    float* __restrict normalised = op.normalised + i * cols;
    uint8_t* __restrict mask = op.mask + i * cols;
    float* __restrict y = op.output + i * cols;
    op.inverse_std[i] = normalise(cols, op.input + i * cols, normalised);
    // !(z <= 0): a NaN passes, so that it is seen.
    if (op.row_keys == nullptr) {
#pragma omp simd
      for (int64_t j = 0; j < cols; ++j) {
        const float z = weight[j] * normalised[j] + bias[j];
        y[j] = z <= 0.0f ? 0.0f : z;
        mask[j] = z <= 0.0f ? 0 : 1;
      }
    } else {
      const uint32_t key = op.row_keys[i];
#pragma omp simd
      for (int64_t j = 0; j < cols; ++j) {
        const float z = weight[j] * normalised[j] + bias[j];
        const float kept = hash(key, static_cast<uint32_t>(j)) < drop_below ? 0.0f : z;
        y[j] = kept <= 0.0f ? 0.0f : kept * scale;
        mask[j] = kept <= 0.0f ? 0 : 1;
      }
    }
  }
}

void norm_relu_rebuild(const NormReluOperands& op) {
  const int64_t cols = op.cols;
  const float* __restrict weight = op.weight;
  const float* __restrict bias = op.bias;
  const float scale = op.scale;
  for (int64_t i = 0; i < op.rows; ++i) {
    const float* __restrict normalised = op.normalised + i * cols;
    const uint8_t* __restrict mask = op.mask + i * cols;
    float* __restrict y = op.output + i * cols;
#pragma omp simd
    for (int64_t j = 0; j < cols; ++j) y[j] = mask[j] ? (weight[j] * normalised[j] + bias[j]) * scale : 0.0f;
  }
}

void norm_relu_backward(const NormReluOperands& op) {
  const int64_t cols = op.cols;
  const float inverse_cols = 1.0f / static_cast<float>(cols), scale = op.scale;
  const float* __restrict weight = op.weight;
  float* __restrict weight_gradient = op.weight_gradient;
  float* __restrict bias_gradient = op.bias_gradient;
  for (int64_t i = 0; i < op.rows; ++i) {
    const float* dy = op.input + i * cols;  // dx may be the same memory
    const float* __restrict normalised = op.normalised + i * cols;
    const uint8_t* __restrict mask = op.mask + i * cols;
    float* dx = op.output + i * cols;
    float sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
    for (int64_t j = 0; j < cols; ++j) {
      const float dz = mask[j] ? dy[j] * scale : 0.0f;
      bias_gradient[j] += dz;
      weight_gradient[j] += dz * normalised[j];
      const float scaled = dz * weight[j];
      sum += scaled;
      dot += scaled * normalised[j];
      dx[j] = scaled;
    }
    const float mean = sum * inverse_cols, mean_dot = dot * inverse_cols, inverse_std = op.inverse_std[i];
#pragma omp simd
    for (int64_t j = 0; j < cols; ++j) dx[j] = inverse_std * (dx[j] - mean - normalised[j] * mean_dot);
  }
}

}  // namespace rle::RLE_ISA
