// A layer of message passing as a sum of linear terms. For target node i of a group
//   z_i = bias + sum over terms of  scale_i * sum over list i of (W values[row] + c),
// where values are a part of the source type's node vectors (nn/node_vectors.h) and W, c the product of the
// layer's weight with the part's own map. Each term runs in the order that multiplies fewer rows by W: the
// distinct values before they are gathered, or the targets' sums after.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernel/gemm.h"
#include "kernel/segment.h"
#include "nn/node_vectors.h"

namespace rle {

// weight * map; W is the sum of a term's factors.
struct ConvFactor {
  ConstMatrix weight;                     // (channels, channels)
  Matrix dweight;                         // its gradient is added here
  const LinearParameters* map = nullptr;  // nullptr: identity, or applied to the values before
};

enum class TermOrder {
  kMapFirst,  // W meets the distinct values
  kSumFirst,  // W meets the targets' sums
  kMaximum,   // likewise, of maxima
};

struct ConvTerm {
  size_t type = 0, part = 0;  // whose values
  size_t group = 0;
  std::vector<ConvFactor> factors;
  TermOrder order = TermOrder::kSumFirst;
  Csr lists;                     // rows of the values by target; without offsets: one each, or none (-1)
  bool identity = false;         // target i has row i; no lists
  bool by_row = false;           // lists are by distinct row of the target type: added to its row term's map
  const float* scale = nullptr;  // (targets) or nullptr: 1
  const float* times = nullptr;  // (targets) scale * entries of the list: how often c counts; nullptr: once

  ConstMatrix weight;              // W
  const float* bias = nullptr;     // c; nullptr: zero
  PackedMatrix forward, backward;  // W transposed; W (training)
  Matrix mapped;                   // map first: (rows of values, channels)
  ConstMatrix summed;              // else: (targets, channels)
  Matrix ties;                     // maximum: (targets, channels)
  Csr transposed;                  // backward: by row of values, the targets (or rows) that read it
  Matrix dmapped;                  // map first, with terms by row on it
  Matrix dsummed;                  // else, where d values are wanted
  Matrix dweight;                  // d W
  float* dbias = nullptr;          // d c
};

// A part of a type's vectors, as terms use it.
struct ConvPart {
  NodePart part;
  bool folded = true;         // the map is multiplied into the weights; else applied to values first
  ConstMatrix values;         // what terms see
  PackedMatrix map_backward;  // of a map that is applied to values first (training)
  std::vector<size_t> terms;  // that read it
};

// Edge types that are combined before anything nonlinear: all of a target type, or (maximum over types) each
// by itself.
struct ConvGroup {
  size_t type = 0;            // target
  std::vector<size_t> edges;  // edge types
  int64_t targets = 0;
  float output_scale = 1;  // mean over types
  Matrix root, droot;      // (channels, channels) the sum of W_root, and its gradient
  float* bias = nullptr;   // the sum of the edge types' biases
  float* dbias = nullptr;
  std::vector<size_t> terms;      // that are not by_row
  std::vector<size_t> row_terms;  // by_row
  int64_t row_term = -1;          // the term that row_terms are added to
  Matrix output;                  // (targets, channels)
};

struct ConvTerms {
  int64_t channels = 0;
  std::vector<std::vector<ConvPart>> parts;  // per node type
  std::vector<ConvTerm> terms;
  std::vector<ConvGroup> groups;
};

// Is called with each finished tile of pre-activations: rows [begin, end) of a target type.
using TileDone = std::function<void(size_t type, int64_t begin, int64_t end, Matrix tile)>;

// W, c and their packed forms, from weights and maps; and back: from d W and d c to the gradients of both.
void multiply_weights(Step& step, ConvTerms& conv);
void add_weight_gradients(Step& step, ConvTerms& conv);

// Runs what does not depend on targets: multiply_weights, and the terms that map first.
void prepare_terms(Step& step, ConvTerms& conv);
// group.output rows [begin, end); tiles may run at once.
void forward_group_tile(const ConvTerms& conv, const ConvGroup& group, int64_t begin, int64_t end);
// From d z per group (targets, channels) to d values (per type and part), the groups' d bias and d root, and
// the gradients of weights and maps.
void backward_terms(Step& step, ConvTerms& conv, const std::vector<Matrix>& dz,
                    std::vector<NodeGradients>& gradients);

}  // namespace rle
