#include "base/huge_pages.h"

#include <sys/mman.h>

#include <cstdint>

namespace rle {

void use_huge_pages(const void* data, size_t bytes) noexcept {
  constexpr uintptr_t kHugePage = uintptr_t{1} << 21;
  constexpr int kCollapse = 25;  // MADV_COLLAPSE, which older headers lack
  const uintptr_t at = reinterpret_cast<uintptr_t>(data);
  const uintptr_t begin = (at + kHugePage - 1) & ~(kHugePage - 1), end = (at + bytes) & ~(kHugePage - 1);
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, kCollapse);
}

}  // namespace rle
