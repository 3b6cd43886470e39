#include "nn/temporal_encoder.h"

#include <algorithm>

#include "kernel/gemm.h"
#include "kernel/time_encoding.h"

namespace rle {

TemporalEncoder::TemporalEncoder(ParameterStore& parameters, const std::string& name, int64_t channels)
    : linear_(add_linear(parameters, name, channels, channels)),
      frequencies_(time_frequencies(channels)),
      channels_(channels) {}

TemporalEncoder::Context TemporalEncoder::forward(Step& step, const int64_t* delta_s,
                                                  int64_t distinct) const {
  Context context{new_matrix(step.arena, distinct, channels_), new_matrix(step.arena, distinct, channels_)};
  const PackedMatrix weight = pack_transposed(step.weight(linear_.weight, channels_, channels_), step.arena);
  const float* bias = step.value(linear_.bias);
  step.pool.for_chunks(distinct, kTileRows, [&](int64_t begin, int64_t end) {
    const Matrix features = context.features.slice(begin, end), output = context.output.slice(begin, end);
    encode_time_deltas(delta_s + begin, end - begin, frequencies_, features);
    for (int64_t i = 0; i < output.rows; ++i) std::copy(bias, bias + channels_, output.row(i));
    gemm(features, weight, output, GemmMode::kAccumulate);
  });
  return context;
}

void TemporalEncoder::backward(Step& step, const Context& context, ConstMatrix doutput) const {
  add_linear_gradient(step, doutput, context.features,
                      step.weight_gradient(linear_.weight, channels_, channels_),
                      step.gradient(linear_.bias));
}

}  // namespace rle
