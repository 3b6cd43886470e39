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
  return static_cast<uint32_t>(static_cast<double>(dropout.probability) * 0x1p16);
}

NormReluOperands operands(const NormReluSaved& saved, const NormParameters& parameters, ConstMatrix input,
                          Matrix output) {
  const Matrix& kept = saved.normalised;
  RLE_CHECK(kept.contiguous() && output.rows == kept.rows && output.cols == kept.cols);
  NormReluOperands op{};
  op.rows = kept.rows;
  op.cols = kept.cols;
  op.input = input.data;
  op.input_stride = input.stride;
  op.normalised = kept.data;
  op.inverse_std = saved.inverse_std;
  op.mask = saved.mask;
  op.weight = parameters.weight;
  op.bias = parameters.bias;
  op.scale = saved.scale;
  op.output = output.data;
  op.output_stride = output.stride;
  return op;
}

bool same_shape(ConstMatrix a, ConstMatrix b) { return a.rows == b.rows && a.cols == b.cols; }

}  // namespace

void norm_relu_forward(const NormReluForward& op) {
  RLE_CHECK(same_shape(op.x, op.y) && (op.shortcut.data == nullptr || same_shape(op.shortcut, op.y)));
  NormReluOperands raw = operands(op.saved, op.parameters, op.x, op.y);
  raw.row_keys = op.dropout.probability > 0 ? op.dropout.row_keys : nullptr;
  raw.drop_below = drop_below(op.dropout);
  raw.streams = !op.reads_soon && reinterpret_cast<uintptr_t>(raw.normalised) % 64 == 0;
  raw.shortcut = op.shortcut.data;
  raw.shortcut_stride = op.shortcut.stride;
  run_forward(raw);
}

void norm_relu_forward(ConstMatrix x, const NormParameters& parameters, const Dropout& dropout,
                       const NormReluSaved& saved, Matrix y) {
  norm_relu_forward({x, parameters, dropout, saved, y, {}});
}

void norm_relu_rebuild(const NormReluSaved& saved, const NormParameters& parameters, Matrix y) {
  run_rebuild(operands(saved, parameters, {}, y));
}

void norm_relu_backward(const NormReluBackward& op) {
  RLE_CHECK(same_shape(op.dy, op.dx) && (op.rebuilt.data == nullptr || same_shape(op.rebuilt, op.dx)));
  NormReluOperands raw = operands(op.saved, op.parameters, op.dy, op.dx);
  raw.weight_gradient = op.weight_gradient;
  raw.bias_gradient = op.bias_gradient;
  raw.output_sums = op.dx_sums;
  raw.rebuilt = op.rebuilt.data;
  raw.rebuilt_stride = op.rebuilt.stride;
  run_backward(raw);
}

void norm_relu_backward(ConstMatrix dy, const NormReluSaved& saved, const float* weight,
                        float* weight_gradient, float* bias_gradient, Matrix dx) {
  norm_relu_backward({dy, saved, {weight, nullptr}, weight_gradient, bias_gradient, dx});
}

void norm_relu_forward_oracle(const NormReluForward& op) {
  for (int64_t i = 0; i < op.x.rows; ++i) {
    const float* x = op.x.row(i);
    const double cols = static_cast<double>(op.x.cols);
    double mean = 0, variance = 0;
    for (int64_t j = 0; j < op.x.cols; ++j) mean += double{x[j]} / cols;
    for (int64_t j = 0; j < op.x.cols; ++j) variance += std::pow(double{x[j]} - mean, 2) / cols;
    const double inverse_std = 1.0 / std::sqrt(variance + double{kNormEpsilon});
    op.saved.inverse_std[i] = static_cast<float>(inverse_std);
    for (int64_t j = 0; j < op.x.cols; ++j) {
      const double normalised = (double{x[j]} - mean) * inverse_std;
      const double z = double{op.parameters.weight[j]} * normalised + double{op.parameters.bias[j]};
      const bool dropped =
          op.dropout.probability > 0 &&
          dropout_bits(op.dropout.row_keys[i], static_cast<uint32_t>(j)) < drop_below(op.dropout);
      const bool passed = !(z <= 0) && !dropped;
      const double shortcut = op.shortcut.data != nullptr ? double{op.shortcut.row(i)[j]} : 0.0;
      op.saved.normalised.row(i)[j] = static_cast<float>(normalised);
      op.saved.set_passed(i, j, passed);
      op.y.row(i)[j] = static_cast<float>(shortcut + (passed ? z * double{op.saved.scale} : 0.0));
    }
  }
}

void norm_relu_backward_oracle(const NormReluBackward& op) {
  const int64_t cols = op.dy.cols;
  const double scale = double{op.saved.scale};
  for (int64_t i = 0; i < op.dy.rows; ++i) {
    const float* normalised = op.saved.normalised.row(i);
    const auto dz = [&](int64_t j) { return op.saved.passed(i, j) ? double{op.dy.row(i)[j]} * scale : 0.0; };
    double sum = 0, dot = 0;
    for (int64_t j = 0; j < cols; ++j) {
      const double weight = double{op.parameters.weight[j]};
      op.bias_gradient[j] += static_cast<float>(dz(j));
      op.weight_gradient[j] += static_cast<float>(dz(j) * double{normalised[j]});
      sum += dz(j) * weight;
      dot += dz(j) * weight * double{normalised[j]};
      if (op.rebuilt.data != nullptr)
        op.rebuilt.row(i)[j] =
            op.saved.passed(i, j)
                ? static_cast<float>((weight * double{normalised[j]} + double{op.parameters.bias[j]}) * scale)
                : 0.0f;
    }
    for (int64_t j = 0; j < cols; ++j) {
      const double dx =
          double{op.saved.inverse_std[i]} * (dz(j) * double{op.parameters.weight[j]} -
                                             (sum + double{normalised[j]} * dot) / static_cast<double>(cols));
      if (op.dx_sums != nullptr) op.dx_sums[j] += static_cast<float>(dx);
      op.dx.row(i)[j] = static_cast<float>(dx);
    }
  }
}

}  // namespace rle
