// One hop of sampling, asked and answered as a whole: no pointer into the graph's lists leaves it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "base/rng.h"

namespace rle {

enum class TemporalStrategy { kUniform, kLast };

// What each of several seeds may see. Made by Graph::seed_limits, once for all hops and edge types.
struct SeedLimits {
  int64_t seeds = 0;
  std::vector<int64_t> time_us;  // (seeds) the latest visible time
  std::vector<NodeId> end;       // (node types, seeds) nodes with ids below it are visible
};

// One hop's question: up to `fanout` neighbours by edge type `edge_type` for each of `targets`, as visible to
// its seed. Randomness: the draw for target i depends on keys[seed[i]], which carries (seed, purpose, epoch,
// seed row, hop, edge type), on position[i], and on the target's visible list; on nothing else in the
// request.
struct HopRequest {
  EdgeTypeId edge_type;
  int64_t fanout = 0;
  TemporalStrategy strategy = TemporalStrategy::kUniform;
  const SeedLimits* limits = nullptr;
  const RngKey* keys = nullptr;       // (limits->seeds); not read by kLast
  const NodeId* targets = nullptr;    // (n)
  const int32_t* seed = nullptr;      // (n) index into limits and keys
  const int32_t* position = nullptr;  // (n) of the target in its seed's part of the hop; not read by kLast
  int64_t n = 0;
};

// The sources of target i are sources[offsets[i] .. offsets[i+1]), ascending by (visible time, id). Belongs
// to the caller, one a thread; its memory is reused.
struct HopAnswer {
  std::vector<int64_t> offsets;  // (n + 1)
  std::vector<NodeId> sources;
  std::vector<uint64_t> scratch;
};

}  // namespace rle
