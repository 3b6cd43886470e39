#include "tensor/arena.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace rle {
namespace {

TEST(Arena, AlignsKeepsValuesApartAndMergesBlocks) {
  Arena arena;
  float* a = arena.allocate<float>(3);
  float* b = arena.allocate_zero<float>(1 << 20);  // more than the first block
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a) % Arena::kAlignment, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(b) % Arena::kAlignment, 0u);
  a[2] = 1.0f;
  EXPECT_EQ(b[0], 0.0f);
  EXPECT_EQ(b[(1 << 20) - 1], 0.0f);
  const size_t used = arena.used_bytes();
  arena.reset();
  EXPECT_EQ(arena.used_bytes(), 0u);
  float* c = arena.allocate<float>(3);
  float* d = arena.allocate<float>(1 << 20);
  EXPECT_EQ(d - c, 16) << "one block holds both after the reset";
  EXPECT_EQ(arena.used_bytes(), used);
}

}  // namespace
}  // namespace rle
