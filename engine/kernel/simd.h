// Vectors of the instruction set that a *_simd.cc is compiled for (gcc's vector extension: ordinary operators
// work on them). These sources use neither the standard library's templates nor inline functions of other
// headers but the compiler's intrinsics, so that no code built for a newer CPU is shared with the rest of the
// program.
#pragma once

#include <cstdint>

#if defined(RLE_ISA_avx512)
#define RLE_SIMD_WIDTH 16
#elif defined(RLE_ISA_avx2)
#define RLE_SIMD_WIDTH 8
#else
#define RLE_SIMD_WIDTH 4
#endif

// Before a loop over registers: unrolled before they are given out, else gcc keeps such an array in memory.
#define RLE_UNROLL _Pragma("GCC unroll 32")

namespace rle {
namespace {

constexpr int64_t kLanes = RLE_SIMD_WIDTH;
typedef float FloatVector __attribute__((vector_size(RLE_SIMD_WIDTH * 4), aligned(4), may_alias));
typedef uint32_t UintVector __attribute__((vector_size(RLE_SIMD_WIDTH * 4)));

inline FloatVector load(const float* p) { return *reinterpret_cast<const FloatVector*>(p); }
inline void store(float* p, FloatVector v) { *reinterpret_cast<FloatVector*>(p) = v; }

}  // namespace
}  // namespace rle
