// One layer of heterogeneous message passing (GraphSAGE per edge type; Hamilton, Ying, Leskovec 2017;
// heterogeneous form of Schlichtkrull et al. 2018 as in PyG's HeteroConv): for each edge type
//   W_neigh agg(neighbours) + b + W_root x_target,   agg = mean | max | sum,
// combined over the edge types that enter a node type by sum | mean | max (mean divides by all of the
// schema). Edge types without sampled edges still give b + W_root x.
//
// Where types are summed or averaged, W_root of all of them act as their sum; they stay parameters of their
// own.
#pragma once

#include <string>
#include <vector>

#include "nn/conv_plan.h"
#include "nn/conv_terms.h"

namespace rle {

struct ConvEdgeType {
  std::string name;                // "<source>.<edge>.<target>", for parameter names
  int64_t source = 0, target = 0;  // node types
};

class HeteroConv {
 public:
  // Adds "<prefix>.<edge name>.neighbour.{weight,bias}" and ".root.weight".
  HeteroConv(ParameterStore& parameters, const std::string& prefix, std::vector<ConvEdgeType> edge_types,
             int64_t node_types, int64_t channels, Reduce conv, Reduce hetero);

  struct Context {
    ConvTerms terms;
    std::vector<std::vector<size_t>> groups;  // per node type
    std::vector<Matrix> outputs;  // per node type (targets, channels); without data where no edge type enters
    std::vector<int32_t*> winner;  // max over types: (targets, channels) the group that won
  };

  // inputs: per node type, at least the targets and their sources; one part without index where conv is a
  // maximum. targets: per node type, the nodes that get an output. done (or empty): told of each finished
  // tile of outputs, which it may change; on any thread.
  Context forward(Step& step, const std::vector<NodeVectors>& inputs, const std::vector<ConvEdges>& edges,
                  const std::vector<int64_t>& targets, const TileDone& done) const;

  // Writes or adds to gradients (per node type and part of the inputs). doutputs may be changed.
  void backward(Step& step, Context& context, const std::vector<Matrix>& doutputs,
                std::vector<NodeGradients>& gradients) const;

  bool has_incoming(int64_t node_type) const { return !incoming_[static_cast<size_t>(node_type)].empty(); }

 private:
  struct SageParameters {
    ParameterId neighbour_weight, neighbour_bias, root_weight;
  };

  void add_group(Step& step, size_t type, std::vector<size_t> edge_types, const std::vector<ConvEdges>& edges,
                 int64_t targets, Context& context) const;
  void combine_groups(size_t type, int64_t begin, int64_t end, const Context& context) const;
  void split_gradient(Step& step, const Context& context, size_t type, Matrix doutput,
                      std::vector<Matrix>& dz) const;
  void add_group_gradients(Step& step, const ConvGroup& group) const;

  std::vector<ConvEdgeType> edge_types_;
  std::vector<SageParameters> parameters_;
  std::vector<std::vector<size_t>> incoming_;  // per node type: edge types
  int64_t channels_;
  Reduce conv_, hetero_;
};

}  // namespace rle
