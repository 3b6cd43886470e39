// The temporal encoder of one node type: a linear map of the sinusoidal encoding of (seed time - node time)
// (docs/model.md, temporal encoder). The encoding is computed once per distinct difference of a batch; the
// map is applied by what reads the vectors (nn/node_vectors.h).
#pragma once

#include <string>
#include <vector>

#include "nn/table_encoder.h"

namespace rle {

class TemporalEncoder {
 public:
  TemporalEncoder(ParameterStore& parameters, const std::string& name, int64_t channels);

  // The encodings (distinct, channels).
  Matrix encode(Step& step, const int64_t* delta_s, int64_t distinct) const;
  const LinearParameters& map() const { return linear_; }

 private:
  LinearParameters linear_;
  std::vector<float> frequencies_;
  int64_t channels_;
};

}  // namespace rle
