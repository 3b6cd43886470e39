// The nodes of one type in each seed's subgraph.
#pragma once

#include <cstdint>
#include <vector>

#include "sample/batch.h"

namespace rle {

struct NodesBySeed {
  std::vector<int64_t> offsets;  // (seeds + 1)
  std::vector<int32_t> node;     // positions in the block, ascending within a seed
};

// Of the first visible_end.size() seeds of the batch, the nodes with ids below visible_end[seed]. All others
// are seeds that don't see their own row (Graph::visible_end).
inline NodesBySeed nodes_by_seed(const NodeBlock& block, const std::vector<NodeId>& visible_end) {
  NodesBySeed out;
  out.offsets.assign(visible_end.size() + 1, 0);
  const auto seed_of = [&](size_t n) { return static_cast<size_t>(block.seed[n]); };
  const auto counts = [&](size_t n) {
    return seed_of(n) < visible_end.size() &&
           block.distinct[static_cast<size_t>(block.row[n])] < visible_end[seed_of(n)];
  };
  for (size_t n = 0; n < block.seed.size(); ++n)
    if (counts(n)) ++out.offsets[seed_of(n) + 1];
  for (size_t s = 1; s < out.offsets.size(); ++s) out.offsets[s] += out.offsets[s - 1];
  out.node.resize(static_cast<size_t>(out.offsets.back()));
  std::vector<int64_t> next(out.offsets.begin(), out.offsets.end() - 1);
  for (size_t n = 0; n < block.seed.size(); ++n)
    if (counts(n)) out.node[static_cast<size_t>(next[seed_of(n)]++)] = static_cast<int32_t>(n);
  return out;
}

}  // namespace rle
