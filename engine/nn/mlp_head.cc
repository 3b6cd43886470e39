#include "nn/mlp_head.h"

#include <algorithm>

#include "kernel/gemm.h"

namespace rle {

MlpHead::MlpHead(ParameterStore& parameters, const std::string& name, int64_t channels, int64_t outputs,
                 int64_t layers, NormKind norm)
    : channels_(channels), outputs_(outputs) {
  for (int64_t l = 0; l < layers; ++l) {
    const std::string layer = name + "." + std::to_string(l);
    linears_.push_back(add_linear(parameters, layer, l + 1 == layers ? outputs : channels, channels));
    if (l + 1 < layers) norms_.emplace_back(parameters, layer + ".norm", norm, channels);
  }
}

MlpHead::Context MlpHead::forward(Step& step, ConstMatrix x) const {
  Context context;
  for (size_t l = 0; l < linears_.size(); ++l) {
    const bool last = l + 1 == linears_.size();
    const Matrix z = new_matrix(step.arena, x.rows, last ? outputs_ : channels_);
    const float* bias = step.value(linears_[l].bias);
    for (int64_t i = 0; i < z.rows; ++i) std::copy(bias, bias + z.cols, z.row(i));
    parallel_gemm(step, x, pack_transposed(step.weight(linears_[l].weight, z.cols, channels_), step.arena), z,
                  GemmMode::kAccumulate);
    context.inputs.push_back(x);
    context.output = z;
    if (last) break;
    context.norms.push_back(norms_[l].forward(step, z, {}, 0));
    x = context.norms.back().output;
  }
  return context;
}

Matrix MlpHead::backward(Step& step, const Context& context, ConstMatrix doutput) const {
  Matrix dx;
  for (size_t l = linears_.size(); l-- > 0;) {
    const ConstMatrix dz = l + 1 == linears_.size() ? doutput : ConstMatrix(dx);
    add_linear_gradient(
        step, dz, context.inputs[l],
        {step.weight_gradient(linears_[l].weight, dz.cols, channels_), step.gradient(linears_[l].bias)});
    const Matrix dinput = new_matrix(step.arena, dz.rows, channels_);
    parallel_gemm(step, dz, pack(step.weight(linears_[l].weight, dz.cols, channels_), step.arena), dinput,
                  GemmMode::kOverwrite);
    if (l > 0) norms_[l - 1].backward(step, context.norms[l - 1], dinput, dinput);
    dx = dinput;
  }
  return dx;
}

}  // namespace rle
