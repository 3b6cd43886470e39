// Long arrays that are read in no order, on huge pages: looking an address up costs less than on small ones.
#pragma once

#include <cstddef>

namespace rle {

// Puts what lies there onto huge pages where the system can (Linux 6.1); else nothing changes. Values stay as
// they are. Costs about a copy.
void use_huge_pages(const void* data, size_t bytes) noexcept;

template <typename Values>
void use_huge_pages(const Values& values) noexcept {
  use_huge_pages(values.data(), values.size() * sizeof(*values.data()));
}

}  // namespace rle
