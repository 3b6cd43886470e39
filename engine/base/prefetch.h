// Loops over memory in no order: what element i needs is fetched while earlier elements are worked on.
#pragma once

#include <cstddef>

namespace rle {

// How many elements ahead of its use memory is fetched: enough to hide an access, few enough to stay in the
// first cache.
inline constexpr size_t kFetchedAhead = 16;

// body(i) for i in [0, n), ascending; address(i) is what body(i) reads or writes first.
template <typename Address, typename Body>
inline void for_each_fetched(size_t n, const Address& address, const Body& body) {
  size_t fetched = 0, i = 0;
  for (; fetched < n && fetched < kFetchedAhead; ++fetched) __builtin_prefetch(address(fetched));
  for (; fetched < n; ++fetched, ++i) {
    __builtin_prefetch(address(fetched));
    body(i);
  }
  for (; i < n; ++i) body(i);
}

}  // namespace rle
