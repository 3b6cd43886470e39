// One forward and backward pass of the relational model over a batch: modules in the order of docs/model.md.
#pragma once

#include <string>
#include <vector>

#include "model/relational_model.h"
#include "nn/hetero_conv.h"
#include "nn/mlp_head.h"
#include "nn/node_norm.h"
#include "nn/node_vectors.h"
#include "nn/table_encoder.h"
#include "nn/temporal_encoder.h"

namespace rle {

// The modules of a model; parameters only, no batch state.
struct Modules {
  Modules(const ModelDefinition& definition, ParameterStore& parameters);
  void add_heads(const ModelDefinition& definition, ParameterStore& parameters);

  struct Layer {
    HeteroConv conv;
    std::vector<NodeNorm> norms;  // per node type
  };

  std::vector<TableEncoder> encoders;  // per node type
  std::vector<int> temporal_of;        // per node type: index into temporal, or -1
  std::vector<TemporalEncoder> temporal;
  std::vector<int> shallow_of;            // per node type: index into shallow, or -1
  std::vector<ParameterId> shallow;       // (embeddings, channels)
  std::vector<ParameterId> id_awareness;  // one (1, channels), or none
  std::vector<Layer> layers;
  std::vector<MlpHead> seed_head;    // one, or none: readout kTargets
  std::vector<MlpHead> target_head;  // one, or none: readouts kSeeds, kTowers
};

// What a pass computes: vectors that no head reads are left out.
struct PassOutputs {
  Matrix seeds;    // (seeds, width)
  Matrix targets;  // (nodes of the target type, 1)
};

// State of one pass; its matrices lie in the step's arena.
class Pass {
 public:
  Pass(const ModelDefinition& definition, const Modules& modules, const ModelInput& input, Step& step);

  // Raw outputs of the heads; no data for a head that the model does not have.
  PassOutputs forward();
  // The seeds' vectors alone, before any head; no other of the pass.
  ConstMatrix embed();
  // From d loss / d outputs; training steps only.
  void backward(const PassOutputs& doutputs);

  ConstMatrix seed_vectors() const { return seed_vectors_; }  // (seeds, channels) before the head
  // The first module whose output holds a value that is not finite, in the order of the forward pass; ""
  // where all are.
  std::string first_not_finite() const;

 private:
  struct LayerState {
    HeteroConv::Context conv;
    std::vector<NodeNorm::Context> norms;
    std::vector<NodeVectors> outputs;  // per node type
  };

  size_t types() const { return modules_.encoders.size(); }
  const NodeBlock& nodes(size_t type) const { return input_.batch->nodes[type]; }
  void plan_readout(bool seeds, bool targets);
  void encode();
  int64_t nodes_within(size_t type, int64_t layers_left) const;
  std::vector<NodeTypeId> seed_types() const;
  ConstMatrix last_vectors(size_t type, int64_t count) const;  // after the last layer, of the first `count`
  ConstMatrix read_seeds();
  ConstMatrix read_targets() const;
  void prepare_edges();
  void prepare_seed_groups();
  void encode_tables();
  // The row of its type's shallow embedding that a node has, or kNoNode.
  NodeId shallow_row(size_t type, NodeId node) const;
  Matrix shallow_vectors(size_t type) const;
  void backward_shallow(size_t type, ConstMatrix drows);
  bool marks_seeds(size_t type) const;
  NodePart seed_mark(size_t type) const;
  void encode_ages();
  void expand_inputs();
  void run_layer(size_t layer);
  const std::vector<NodeVectors>& vectors(size_t layer) const {
    return layer == 0 ? inputs_ : layers_[layer - 1].outputs;
  }

  std::vector<NodeGradients> new_gradients(const std::vector<NodeVectors>& vectors) const;
  void backward_seeds(ConstMatrix dseeds, std::vector<NodeGradients>& gradients);
  void add_to_last(size_t type, ConstMatrix d, std::vector<NodeGradients>& gradients);
  void backward_layer(size_t layer, std::vector<NodeGradients>& gradients);
  void backward_inputs(std::vector<NodeGradients>& gradients);
  void backward_encoders(const std::vector<NodeGradients>& gradients);

  const ModelDefinition& definition_;
  const Modules& modules_;
  const ModelInput& input_;
  Step& step_;
  int64_t channels_;
  bool trims_;  // layers compute only the nodes that the next one reads
  bool reads_seeds_ = false;
  // Per layers left and node type: whether all its nodes are read, not only those near a seed.
  std::vector<std::vector<uint8_t>> reads_all_;

  std::vector<TableEncoder::Context> encoded_;  // per node type
  std::vector<NodeVectors> inputs_;             // per node type: vectors that enter the first layer
  std::vector<ExpandedNodes> expanded_;         // per node type, maximum over neighbours only: inputs_ before
  std::vector<ConvEdges> edges_;                // per edge type
  // Of types that no edge type enters: the vectors of the last layer's nodes that a head reads.
  std::vector<ExpandedNodes> read_;  // per node type
  ConstMatrix seed_vectors_;
  std::vector<Csr> seed_groups_;  // per node type, instance norm only: nodes of each seed
  std::vector<LayerState> layers_;
  MlpHead::Context seed_head_, target_head_;
};

}  // namespace rle
