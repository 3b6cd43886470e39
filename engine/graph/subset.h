// Uniform choice of a subset: Floyd's algorithm (Bentley, Floyd 1987), kept in order.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "base/rng.h"

namespace rle {

// Appends `count` of the `size` values to `out`, in their order; every subset of that size is equally likely.
// 0 <= count <= size. The result depends on key, size and count alone. `scratch` is overwritten.
void append_subset(const NodeId* values, uint64_t size, uint64_t count, RngKey key,
                   std::vector<uint64_t>& scratch, std::vector<NodeId>& out);

}  // namespace rle
