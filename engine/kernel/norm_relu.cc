#include "kernel/norm_relu.h"

#include <cmath>

#include "base/error.h"
#include "kernel/norm_relu_simd.h"

namespace rle {
namespace {

void run_forward(const NormReluOperands& op) { RLE_DISPATCH(norm_relu_forward(op)) }
void run_rebuild(const NormReluOperands& op) { RLE_DISPATCH(norm_relu_rebuild(op)) }
void run_backward(const NormReluOperands& op){RLE_DISPATCH(norm_relu_backward(op))}

uint32_t drop_below(const Dropout& dropout) {
  RLE_CHECK(dropout.probability >= 0 && dropout.probability < 1);
  return static_cast<uint32_t>(static_cast<double>(dropout.probability) * 0x1p32);
}

NormReluOperands operands(const NormReluSaved& saved, const float* input, float* output) {
  NormReluOperands op{};
  op.rows = saved.normalised.rows;
  op.cols = saved.normalised.cols;
  op.input = input;
  op.normalised = saved.normalised.data;
  op.inverse_std = saved.inverse_std;
  op.mask = saved.mask;
  op.scale = saved.scale;
  op.output = output;
  return op;
}

}  // namespace

void norm_relu_forward(ConstMatrix x, const NormParameters& parameters, const Dropout& dropout,
                       const NormReluSaved& saved, Matrix y) {
  RLE_CHECK(x.rows == y.rows && x.cols == y.cols && x.rows == saved.normalised.rows &&
            x.cols == saved.normalised.cols);
  RLE_CHECK(x.contiguous() && y.contiguous() && saved.normalised.contiguous());
  NormReluOperands op = operands(saved, x.data, y.data);
  op.weight = parameters.weight;
  op.bias = parameters.bias;
  op.row_keys = dropout.probability > 0 ? dropout.row_keys : nullptr;
  op.drop_below = drop_below(dropout);
  run_forward(op);
}

void norm_relu_rebuild(const NormReluSaved& saved, const NormParameters& parameters, Matrix y) {
  NormReluOperands op = operands(saved, nullptr, y.data);
  op.weight = parameters.weight;
  op.bias = parameters.bias;
  run_rebuild(op);
}

void norm_relu_backward(ConstMatrix dy, const NormReluSaved& saved, const float* weight,
                        float* weight_gradient, float* bias_gradient, Matrix dx) {
  RLE_CHECK(dy.rows == dx.rows && dy.cols == dx.cols && dy.rows == saved.normalised.rows);
  RLE_CHECK(dy.contiguous() && dx.contiguous());
  NormReluOperands op = operands(saved, dy.data, dx.data);
  op.weight = weight;
  op.weight_gradient = weight_gradient;
  op.bias_gradient = bias_gradient;
  run_backward(op);
}

void norm_relu_forward_oracle(ConstMatrix x, const NormParameters& parameters, const Dropout& dropout,
                              const NormReluSaved& saved, Matrix y) {
  for (int64_t i = 0; i < x.rows; ++i) {
    double mean = 0, variance = 0;
    for (int64_t j = 0; j < x.cols; ++j) mean += double{x.row(i)[j]} / static_cast<double>(x.cols);
    for (int64_t j = 0; j < x.cols; ++j)
      variance += std::pow(double{x.row(i)[j]} - mean, 2) / static_cast<double>(x.cols);
    const double inverse_std = 1.0 / std::sqrt(variance + double{kNormEpsilon});
    saved.inverse_std[i] = static_cast<float>(inverse_std);
    for (int64_t j = 0; j < x.cols; ++j) {
      const double normalised = (double{x.row(i)[j]} - mean) * inverse_std;
      const double z = double{parameters.weight[j]} * normalised + double{parameters.bias[j]};
      const bool dropped = dropout.probability > 0 &&
                           dropout_bits(dropout.row_keys[i], static_cast<uint32_t>(j)) < drop_below(dropout);
      saved.normalised.row(i)[j] = static_cast<float>(normalised);
      saved.mask[i * x.cols + j] = !(z <= 0) && !dropped;
      y.row(i)[j] = !(z <= 0) && !dropped ? static_cast<float>(z * double{saved.scale}) : 0.0f;
    }
  }
}

void norm_relu_backward_oracle(ConstMatrix dy, const NormReluSaved& saved, const float* weight,
                               float* weight_gradient, float* bias_gradient, Matrix dx) {
  const int64_t cols = dy.cols;
  for (int64_t i = 0; i < dy.rows; ++i) {
    const float* normalised = saved.normalised.row(i);
    double sum = 0, dot = 0;
    for (int64_t j = 0; j < cols; ++j) {
      const double dz = saved.mask[i * cols + j] ? double{dy.row(i)[j]} * double{saved.scale} : 0.0;
      bias_gradient[j] += static_cast<float>(dz);
      weight_gradient[j] += static_cast<float>(dz * double{normalised[j]});
      sum += dz * double{weight[j]};
      dot += dz * double{weight[j]} * double{normalised[j]};
    }
    for (int64_t j = 0; j < cols; ++j) {
      const double dz = saved.mask[i * cols + j] ? double{dy.row(i)[j]} * double{saved.scale} : 0.0;
      dx.row(i)[j] = static_cast<float>(
          double{saved.inverse_std[i]} *
          (dz * double{weight[j]} - (sum + double{normalised[j]} * dot) / static_cast<double>(cols)));
    }
  }
}

}  // namespace rle
