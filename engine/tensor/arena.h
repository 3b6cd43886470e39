// Memory of one training step: aligned bump allocation, freed all at once. After the first steps the arena
// holds one block that is large enough, and a step allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace rle {

// Owned by the model; not thread-safe (tensors are laid out before threads start).
class Arena {
 public:
  static constexpr size_t kAlignment = 64;

  // Uninitialised; valid until `reset`. T must be trivial.
  template <typename T>
  T* allocate(int64_t count) {
    return static_cast<T*>(allocate_bytes(static_cast<size_t>(count) * sizeof(T)));
  }
  // Filled with zero bytes.
  template <typename T>
  T* allocate_zero(int64_t count) {
    return static_cast<T*>(zero_bytes(allocate<T>(count), static_cast<size_t>(count) * sizeof(T)));
  }

  // Forgets everything; memory is kept, and merged into one block where there were several.
  void reset();
  size_t used_bytes() const { return used_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept;
  };
  struct Block {
    std::unique_ptr<std::byte, Free> memory;
    size_t size = 0, used = 0;
  };

  void* allocate_bytes(size_t bytes);
  static void* zero_bytes(void* memory, size_t bytes);
  void add_block(size_t bytes);

  std::vector<Block> blocks_;
  size_t used_ = 0;
};

}  // namespace rle
