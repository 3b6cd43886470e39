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

#include "kernel/gemm.h"
#include "kernel/segment.h"
#include "nn/step.h"

namespace rle {

enum class Reduce { kSum, kMean, kMax };

struct ConvEdgeType {
  std::string name;                // "<source>.<edge>.<target>", for parameter names
  int64_t source = 0, target = 0;  // node types
};

// The sampled edges of one type: sources by target, and targets by source.
struct ConvEdges {
  Csr by_target;  // (target nodes + 1)
  Csr by_source;  // (source nodes + 1)
  int64_t count = 0;
};

class HeteroConv {
 public:
  // Adds "<prefix>.<edge name>.neighbour.{weight,bias}" and ".root.weight".
  HeteroConv(ParameterStore& parameters, const std::string& prefix, std::vector<ConvEdgeType> edge_types,
             int64_t node_types, int64_t channels, Reduce conv, Reduce hetero);

  // The edge types that are combined before anything nonlinear: all of a target type, or (max over types)
  // each by itself.
  struct Group {
    std::vector<size_t> edges;  // edge types
    PackedMatrix root;          // (channels, channels) sum of the roots, transposed
    Matrix root_weight;         // the sum itself
    Matrix output;              // (targets, channels)
  };
  struct EdgeState {
    bool active = false;  // has edges into the targets of this layer
    PackedMatrix neighbour;
    Matrix aggregated;                // (targets, channels)
    Matrix ties;                      // max only
    float* inverse_degree = nullptr;  // mean only: (targets)
  };
  struct Context {
    std::vector<int64_t> targets;            // per node type: nodes that get an output
    std::vector<ConstMatrix> inputs;         // per node type
    std::vector<EdgeState> edges;            // per edge type
    std::vector<std::vector<Group>> groups;  // per node type
    std::vector<Matrix> outputs;  // per node type (targets, channels); without data where no edge type enters
    std::vector<int32_t*> winner;  // max over types: (targets, channels) the group that won
  };

  // inputs: per node type, at least the targets and their sources.
  Context forward(Step& step, const std::vector<ConstMatrix>& inputs, const std::vector<ConvEdges>& edges,
                  const std::vector<int64_t>& targets) const;

  // Adds to dinputs (per node type, as inputs). doutputs may be changed.
  void backward(Step& step, const Context& context, const std::vector<ConvEdges>& edges,
                const std::vector<Matrix>& doutputs, const std::vector<Matrix>& dinputs) const;

  bool has_incoming(int64_t node_type) const { return !incoming_[static_cast<size_t>(node_type)].empty(); }

 private:
  struct SageParameters {
    ParameterId neighbour_weight, neighbour_bias, root_weight;
  };

  void prepare_edge(Step& step, size_t edge, const ConvEdges& edges, Context& context) const;
  Group make_group(Step& step, std::vector<size_t> edges, int64_t targets) const;
  void forward_group(Step& step, const Context& context, const std::vector<ConvEdges>& edges, size_t type,
                     const Group& group) const;
  void combine_groups(Step& step, size_t type, Context& context) const;
  std::vector<Matrix> split_gradient(Step& step, const Context& context, size_t type, Matrix doutput) const;
  void backward_group(Step& step, const Context& context, const std::vector<ConvEdges>& edges, size_t type,
                      const Group& group, ConstMatrix doutput, const std::vector<Matrix>& dinputs) const;
  void group_gradients(Step& step, const Context& context, size_t type, const Group& group,
                       ConstMatrix doutput) const;
  void backward_edge(Step& step, const Context& context, const ConvEdges& edges, size_t edge,
                     ConstMatrix doutput, Matrix dsource) const;

  std::vector<ConvEdgeType> edge_types_;
  std::vector<SageParameters> parameters_;
  std::vector<std::vector<size_t>> incoming_;  // per node type: edge types
  int64_t channels_;
  Reduce conv_, hetero_;
};

}  // namespace rle
