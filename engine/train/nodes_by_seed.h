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

// Of the first `seeds` seeds of the batch.
inline NodesBySeed nodes_by_seed(const NodeBlock& block, int64_t seeds) {
  NodesBySeed out;
  out.offsets.assign(static_cast<size_t>(seeds) + 1, 0);
  for (const int32_t seed : block.seed)
    if (seed < seeds) ++out.offsets[static_cast<size_t>(seed) + 1];
  for (size_t s = 1; s < out.offsets.size(); ++s) out.offsets[s] += out.offsets[s - 1];
  out.node.resize(static_cast<size_t>(out.offsets.back()));
  std::vector<int64_t> next(out.offsets.begin(), out.offsets.end() - 1);
  for (size_t n = 0; n < block.seed.size(); ++n)
    if (const int32_t seed = block.seed[n]; seed < seeds)
      out.node[static_cast<size_t>(next[static_cast<size_t>(seed)]++)] = static_cast<int32_t>(n);
  return out;
}

}  // namespace rle
