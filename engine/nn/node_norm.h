// Normalisation of node vectors, then ReLU: per node (layer_norm), per type over all nodes of the batch
// (batch_norm; Ioffe, Szegedy 2015), or per type and seed's subgraph (instance_norm; Ulyanov et al. 2016,
// PyG's graph form: no parameters).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernel/norm_relu.h"
#include "kernel/segment.h"
#include "nn/table_encoder.h"

namespace rle {

enum class NormKind { kLayer, kBatch, kInstance };

class NodeNorm {
 public:
  // Layer: "<name>.weight", "<name>.bias". Batch: those, and the buffers "<name>.running_mean",
  // "<name>.running_var".
  NodeNorm(ParameterStore& parameters, const std::string& name, NormKind kind, int64_t channels);

  struct Context {
    NormReluSaved saved;  // layer: inverse_std per row; batch, instance: per group and column
    Csr groups;           // batch: one group of all rows; instance: the rows of each seed
    int64_t group_count = 0;
    bool running = false;  // batch norm over a single node: running statistics, constants for the gradient
    Matrix output;
  };

  // groups: for instance norm, the rows of each seed; else ignored.
  Context forward(Step& step, ConstMatrix x, const Csr& groups, int64_t group_count) const;
  // The same in pieces, in place: start, then `normalise` once for all rows, or (by_row) once a tile, on any
  // thread.
  Context start(Step& step, int64_t rows, const Csr& groups, int64_t group_count) const;
  bool by_row() const { return kind_ == NormKind::kLayer; }
  void normalise_tile(const Step& step, const Context& context, int64_t begin, int64_t end,
                      Matrix tile) const;
  void normalise(Step& step, ConstMatrix x, Matrix output, Context& context) const;
  // dx from dy; may be the same memory.
  void backward(Step& step, const Context& context, ConstMatrix dy, Matrix dx) const;

 private:
  void forward_groups(Step& step, ConstMatrix x, Context& context) const;
  void forward_running(Step& step, ConstMatrix x, Context& context) const;
  void update_running(Step& step, int64_t column, float mean, float variance, int64_t rows) const;
  void apply_affine(Step& step, int64_t row, int64_t column, Context& context) const;
  void backward_layer(Step& step, const Context& context, ConstMatrix dy, Matrix dx) const;
  void backward_groups(Step& step, const Context& context, ConstMatrix dy, Matrix dx) const;
  NormParameters affine(const Step& step) const {
    return {step.value(affine_.weight), step.value(affine_.bias)};
  }

  NormKind kind_;
  NormIds affine_;
  ParameterId running_mean_, running_var_;
  int64_t channels_;
};

}  // namespace rle
