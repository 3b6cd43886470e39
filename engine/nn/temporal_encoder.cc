#include "nn/temporal_encoder.h"

#include "kernel/time_encoding.h"

namespace rle {

TemporalEncoder::TemporalEncoder(ParameterStore& parameters, const std::string& name, int64_t channels)
    : linear_(add_linear(parameters, name, channels, channels)),
      frequencies_(time_frequencies(channels)),
      channels_(channels) {}

Matrix TemporalEncoder::encode(Step& step, const int64_t* delta_s, int64_t distinct) const {
  const Matrix out = new_matrix(step.arena, distinct, channels_);
  step.pool.for_chunks(distinct, kTileRows, [&](int64_t begin, int64_t end) {
    encode_time_deltas(delta_s + begin, end - begin, frequencies_, out.slice(begin, end));
  });
  return out;
}

}  // namespace rle
