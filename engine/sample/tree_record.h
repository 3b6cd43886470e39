// Which nodes of one type the trees of a group hold, and at which position: an array over (seed, node) where
// the type has few nodes, so that recording is one store without a branch, else a hash table.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "sample/first_seen.h"

namespace rle {

// Owned by one grower; memory is reused.
class TreeRecord {
 public:
  // Starts with empty trees.
  void begin(int64_t type_nodes, int64_t seeds) {
    nodes_ = static_cast<uint64_t>(type_nodes);
    direct_ = type_nodes * seeds <= kDirectSlots;
    if (!direct_) return hashed_.clear();
    if (const size_t slots = nodes_ * static_cast<size_t>(seeds); slots_.size() < slots) slots_.resize(slots);
    base_ += used_;
    used_ = 0;
    if (base_ > UINT32_MAX - kMostNodes) {
      slots_.assign(slots_.size(), 0);
      base_ = 1;
    }
  }

  // Room for `more` further nodes; before `add`.
  void reserve(int64_t more) {
    if (!direct_) hashed_.reserve(more);
  }

  // For each of `count` nodes of the tree of `seed`: writes its position; a node that the tree does not hold
  // gets the position `size`, is written to nodes[size], and raises `size`.
  void add(int32_t seed, const NodeId* reached, int64_t count, int32_t* position, NodeId* nodes,
           int32_t& size) {
    if (direct_)
      add_direct(slots_.data() + static_cast<uint64_t>(seed) * nodes_, reached, count, position, nodes, size);
    else
      add_hashed(static_cast<uint64_t>(seed) << 32, reached, count, position, nodes, size);
  }

 private:
  static constexpr int64_t kDirectSlots = 1 << 15;      // 128 KiB: stays in a core's second cache
  static constexpr uint32_t kMostNodes = kDirectSlots;  // of a fill with slots

  void add_direct(uint32_t* slots, const NodeId* reached, int64_t count, int32_t* position, NodeId* nodes,
                  int32_t& size) {
    const uint32_t base = base_;
    auto next = static_cast<uint32_t>(size);
    for (int64_t i = 0; i < count; ++i) {
      const NodeId node = reached[i];
      const uint32_t known = slots[node];
      const bool fresh = known < base;
      const uint32_t slot = known + (-static_cast<uint32_t>(fresh) & (base + next - known));
      slots[node] = slot;
      position[i] = static_cast<int32_t>(slot - base);
      nodes[next] = node;
      next += fresh;
    }
    size = static_cast<int32_t>(used_ = next);
  }
  void add_hashed(uint64_t seed_key, const NodeId* reached, int64_t count, int32_t* position, NodeId* nodes,
                  int32_t& size) {
    for (int64_t i = 0; i < count; ++i) {
      position[i] = hashed_.insert(seed_key | reached[i], size);
      nodes[size] = reached[i];
      size += position[i] == size;
    }
  }

  bool direct_ = false;
  uint64_t nodes_ = 0;
  // A slot holds base_ + position; what is below base_ is of an earlier fill, which used `used_` positions.
  std::vector<uint32_t> slots_;
  uint32_t base_ = 1, used_ = 0;
  FirstSeen hashed_;
};

}  // namespace rle
