#include "tensor/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace rle {
namespace {
constexpr size_t kFirstBlock = size_t{1} << 20;
constexpr size_t kHugePage = size_t{1} << 21;
}  // namespace

void Arena::Free::operator()(std::byte* memory) const noexcept { std::free(memory); }

void Arena::add_block(size_t bytes) {
  Block block;
  const size_t alignment = bytes >= kHugePage ? kHugePage : kAlignment;
  block.size = (bytes + alignment - 1) / alignment * alignment;
  block.memory.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, block.size)));
  if (block.memory == nullptr) throw std::bad_alloc();
  // Rows are gathered from all over a block: huge pages spare most misses of the TLB. Advice, not a need.
  if (alignment == kHugePage) madvise(block.memory.get(), block.size, MADV_HUGEPAGE);
  blocks_.push_back(std::move(block));
}

void* Arena::allocate_bytes(size_t bytes) {
  const size_t padded = (std::max<size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  if (blocks_.empty() || blocks_.back().size - blocks_.back().used < padded)
    add_block(std::max({padded, kFirstBlock, used_ / 2}));
  Block& block = blocks_.back();
  void* memory = block.memory.get() + block.used;
  block.used += padded;
  used_ += padded;
  return memory;
}

void* Arena::zero_bytes(void* memory, size_t bytes) { return std::memset(memory, 0, bytes); }

void Arena::reset() {
  if (blocks_.size() > 1) {
    const size_t total = used_ + used_ / 8;
    blocks_.clear();
    add_block(total);
  }
  if (!blocks_.empty()) blocks_.back().used = 0;
  used_ = 0;
}

}  // namespace rle
