// The temporal encoder of one node type: a linear map of the sinusoidal encoding of (seed time - node time),
// computed once per distinct difference of a batch (docs/model.md, temporal encoder).
#pragma once

#include <string>
#include <vector>

#include "nn/table_encoder.h"

namespace rle {

class TemporalEncoder {
 public:
  TemporalEncoder(ParameterStore& parameters, const std::string& name, int64_t channels);

  struct Context {
    Matrix features;  // (distinct, channels)
    Matrix output;    // (distinct, channels)
  };

  Context forward(Step& step, const int64_t* delta_s, int64_t distinct) const;
  void backward(Step& step, const Context& context, ConstMatrix doutput) const;

 private:
  LinearParameters linear_;
  std::vector<float> frequencies_;
  int64_t channels_;
};

}  // namespace rle
