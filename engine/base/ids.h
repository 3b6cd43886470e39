// Ids that the compiler keeps apart. NodeTypeId and EdgeTypeId index the lists of a graph's schema; a NodeId
// is a row's position in the canonical order of its table.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace rle {

template <typename Tag, typename Rep>
struct StrongId {
  Rep value{};

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}
  constexpr size_t index() const { return static_cast<size_t>(value); }
  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
};

using NodeTypeId = StrongId<struct NodeTypeTag, int32_t>;
using EdgeTypeId = StrongId<struct EdgeTypeTag, int32_t>;

// 32 bits inside one process (4.29e9 rows a table); files and messages carry 64.
using NodeId = uint32_t;
inline constexpr NodeId kNoNode = UINT32_MAX;

}  // namespace rle
