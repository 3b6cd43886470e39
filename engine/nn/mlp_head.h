// The prediction head (PyG's MLP): `layers` linear maps, between them normalisation and ReLU; one layer is
// one linear map. layer_norm is per row (PyG's MLP normalises over the whole batch there; docs/model.md says
// so).
#pragma once

#include <string>
#include <vector>

#include "nn/node_norm.h"

namespace rle {

class MlpHead {
 public:
  // norm: layer or batch.
  MlpHead(ParameterStore& parameters, const std::string& name, int64_t channels, int64_t outputs,
          int64_t layers, NormKind norm);

  struct Context {
    std::vector<ConstMatrix> inputs;  // of each linear map
    std::vector<NodeNorm::Context> norms;
    Matrix output;  // (rows, outputs)
  };

  Context forward(Step& step, ConstMatrix x) const;
  // Returns d x.
  Matrix backward(Step& step, const Context& context, ConstMatrix doutput) const;

 private:
  std::vector<LinearParameters> linears_;
  std::vector<NodeNorm> norms_;
  int64_t channels_, outputs_;
};

}  // namespace rle
