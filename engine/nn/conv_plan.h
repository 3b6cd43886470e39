// Which terms a layer of message passing consists of, and in which order each runs. In training a batch's
// counts decide. In evaluation nothing of other seeds does: a seed's output has the same bits in any batch.
#pragma once

#include <vector>

#include "nn/conv_terms.h"

namespace rle {

// The sampled edges of one type.
struct ConvEdges {
  Csr by_target;  // (target nodes + 1)
  int64_t count = 0;
};

// One edge type's sources for the targets of a layer, by rows of a part's values.
struct PartLists {
  Csr lists;              // lists.offsets nullptr: `single`
  bool single = false;    // at most one source each: index (targets), -1 where none
  bool complete = false;  // exactly one each
};

// by_target's sources through `index` (nullptr: as they are), for the first `targets`.
PartLists part_lists(const Csr& by_target, const int32_t* index, int64_t targets, Arena& arena);

// The source of each distinct row of the target type, where all its nodes agree: (rows), -1 where none;
// nullptr where they do not. index (targets): single sources; row (targets): the targets' rows.
const int32_t* sources_by_row(const int32_t* index, const int32_t* row, int64_t targets, int64_t rows,
                              Arena& arena);

// Whether source_ages[index[i]] equals target_ages[target_index[i]] for every target.
bool same_ages(const int32_t* index, const int64_t* source_ages, const int32_t* target_index,
               const int64_t* target_ages, int64_t targets);

// Adds a group's terms: its root, then those of its edges, in the order of `edges`. neighbour: W_neigh per
// edge of the group. `mean`, `maximum`: over neighbours, else the sum.
struct GroupEdge {
  const ConvEdges* edges = nullptr;
  size_t source = 0;  // node type
  ConstMatrix neighbour;
  Matrix dneighbour;
};
enum class Reduce { kSum, kMean, kMax };
void add_group_terms(Step& step, size_t group, const std::vector<GroupEdge>& edges, Reduce reduce,
                     ConvTerms& conv);

// When all groups have their terms: which maps are multiplied into weights, which order each term runs in,
// and which run by row.
void choose_orders(Step& step, ConvTerms& conv);

}  // namespace rle
