// The vectors of a type's sampled nodes before anything nonlinear: a sum of parts, each stored once per
// distinct value (a row of the table, an age) however many nodes share it. Message passing is linear up to
// its first nonlinearity and works on the parts; only where it is not (a maximum over neighbours) are nodes
// expanded.
#pragma once

#include <vector>

#include "nn/table_encoder.h"

namespace rle {

// Node i's summand is map(values[index[i]]). All is borrowed.
struct NodePart {
  ConstMatrix values;                     // (distinct, channels)
  const int32_t* index = nullptr;         // (nodes) rows of values; nullptr: node i has row i
  const LinearParameters* map = nullptr;  // (channels, channels); nullptr: identity
  const int64_t* ages = nullptr;  // (distinct) what values are a fixed function of; nullptr where they vary
  bool constant = false;          // no gradient is wanted
};

struct NodeVectors {
  int64_t nodes = 0;
  std::vector<NodePart> parts;
};

// d values of a part. The first that has a contribution writes, the others add.
struct PartGradient {
  Matrix data;
  bool started = false;
};
using NodeGradients = std::vector<PartGradient>;  // per part

// Node vectors as one matrix.
struct ExpandedNodes {
  NodeVectors from;
  std::vector<ConstMatrix> mapped;  // per part: (distinct, channels)
  Matrix x;                         // (nodes, channels)

  NodeVectors vectors() const { return {x.rows, {{x}}}; }
};

// The first `nodes` of them.
ExpandedNodes expand_nodes(Step& step, const NodeVectors& from, int64_t nodes);
// From d x to d values (per part of `from`) and the gradients of the maps.
void expand_nodes_backward(Step& step, const ExpandedNodes& expanded, ConstMatrix dx,
                           NodeGradients& gradients);

// values W^T + b.
Matrix map_values(Step& step, ConstMatrix values, const LinearParameters& map);

}  // namespace rle
