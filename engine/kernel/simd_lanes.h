// Lanes of a vector one by one: masks, their bits, sums, and vectors of which only the first lanes exist. For
// *_simd.cc only, like simd.h. Bit masks of a row: column j is bit j % 8 of byte j / 8.
#pragma once

#include <immintrin.h>

#include "kernel/simd.h"

namespace rle {
namespace {

// Which lanes are chosen: a mask register with AVX-512, else all bits of a lane.
#if defined(RLE_ISA_avx512)
typedef __mmask16 LaneMask;
#else
typedef int32_t LaneMask __attribute__((vector_size(RLE_SIMD_WIDTH * 4)));
#endif

inline UintVector lane_numbers() {
  UintVector numbers;
  for (unsigned l = 0; l < RLE_SIMD_WIDTH; ++l) numbers[l] = l;
  return numbers;
}

#if defined(RLE_ISA_avx512)

// !(x <= 0): a NaN is chosen.
inline LaneMask not_below_zero(FloatVector x) {
  return _mm512_cmp_ps_mask(__m512(x), _mm512_setzero_ps(), _CMP_NLE_UQ);
}
inline LaneMask at_least(UintVector x, uint32_t bound) {
  return _mm512_cmpge_epu32_mask(__m512i(x), _mm512_set1_epi32(static_cast<int>(bound)));
}
// x > y: of a NaN none is chosen.
inline LaneMask greater(FloatVector x, FloatVector y) {
  return _mm512_cmp_ps_mask(__m512(x), __m512(y), _CMP_GT_OQ);
}
// Bit l: lane l is chosen.
inline uint32_t bits_of(LaneMask mask) { return mask; }
// x where chosen, else 0.
inline FloatVector where(LaneMask mask, FloatVector x) {
  return FloatVector(_mm512_maskz_mov_ps(mask, __m512(x)));
}
inline void store_bits(uint8_t* row, int64_t vector, LaneMask mask) {
  *reinterpret_cast<uint16_t __attribute__((may_alias, aligned(1)))*>(row + 2 * vector) = mask;
}
inline LaneMask load_bits(const uint8_t* row, int64_t vector) {
  return *reinterpret_cast<const uint16_t __attribute__((may_alias, aligned(1)))*>(row + 2 * vector);
}

#else

inline LaneMask not_below_zero(FloatVector x) { return ~LaneMask(x <= FloatVector{}); }
inline LaneMask at_least(UintVector x, uint32_t bound) { return LaneMask(x >= UintVector{} + bound); }
inline LaneMask greater(FloatVector x, FloatVector y) { return LaneMask(x > y); }
inline FloatVector where(LaneMask mask, FloatVector x) { return FloatVector(LaneMask(x) & mask); }

#if defined(RLE_ISA_avx2)
inline uint32_t bits_of(LaneMask mask) { return static_cast<uint32_t>(_mm256_movemask_ps(__m256(mask))); }
inline void store_bits(uint8_t* row, int64_t vector, LaneMask mask) {
  row[vector] = static_cast<uint8_t>(bits_of(mask));
}
inline LaneMask load_bits(const uint8_t* row, int64_t vector) {
  const UintVector bit = (UintVector{} + 1u) << lane_numbers();
  return LaneMask(((UintVector{} + row[vector]) & bit) != 0);
}
#else
inline uint32_t bits_of(LaneMask mask) { return static_cast<uint32_t>(_mm_movemask_ps(__m128(mask))); }
inline void store_bits(uint8_t* row, int64_t vector, LaneMask mask) {
  const uint32_t kept = vector % 2 == 0 ? 0 : row[vector / 2];
  row[vector / 2] = static_cast<uint8_t>(kept | bits_of(mask) << vector % 2 * 4);
}
inline LaneMask load_bits(const uint8_t* row, int64_t vector) {
  const uint32_t bits = static_cast<uint32_t>(row[vector / 2]) >> vector % 2 * 4;
  const UintVector bit = UintVector{1, 2, 4, 8};
  return LaneMask(((UintVector{} + bits) & bit) != 0);
}
#endif

#endif

// Past the caches, for what is not read soon; p is on a boundary of a vector. `stream_end` before others may
// read.
inline void store_stream(float* p, FloatVector v) {
#if defined(RLE_ISA_avx512)
  _mm512_stream_ps(p, __m512(v));
#elif defined(RLE_ISA_avx2)
  _mm256_stream_ps(p, __m256(v));
#else
  _mm_stream_ps(p, __m128(v));
#endif
}
inline void stream_end() { _mm_sfence(); }

// a b + c, rounded once where the instruction set has it; spelt out where two loops must give the same bits.
inline FloatVector multiply_add(FloatVector a, FloatVector b, FloatVector c) {
#if defined(RLE_ISA_avx512)
  return FloatVector(_mm512_fmadd_ps(__m512(a), __m512(b), __m512(c)));
#elif defined(RLE_ISA_avx2)
  return FloatVector(_mm256_fmadd_ps(__m256(a), __m256(b), __m256(c)));
#else
  return a * b + c;
#endif
}
inline FloatVector square_root(FloatVector x) {
#if defined(RLE_ISA_avx512)
  return FloatVector(_mm512_maskz_sqrt_ps(0xffff, __m512(x)));  // the plain one warns in gcc 12
#elif defined(RLE_ISA_avx2)
  return FloatVector(_mm256_sqrt_ps(__m256(x)));
#else
  return FloatVector(_mm_sqrt_ps(__m128(x)));
#endif
}

inline float sum_of_lanes(FloatVector v) {
#if defined(RLE_ISA_avx512)
  const auto eight = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                     __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
#elif defined(RLE_ISA_avx2)
  const auto eight = v;
#endif
#if defined(RLE_ISA_avx512) || defined(RLE_ISA_avx2)
  const auto four =
      __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
#else
  const auto four = v;
#endif
  return (four[0] + four[2]) + (four[1] + four[3]);
}

// The first `count` (at most kLanes) lanes; the others are 0.
inline FloatVector load_first(const float* p, int64_t count) {
  if (count >= kLanes) return load(p);
  FloatVector v{};
  for (int64_t l = 0; l < count; ++l) v[l] = p[l];
  return v;
}
inline void store_first(float* p, FloatVector v, int64_t count) {
  if (count >= kLanes) return store(p, v);
  for (int64_t l = 0; l < count; ++l) p[l] = v[l];
}
inline FloatVector keep_first(FloatVector v, int64_t count) {
  for (int64_t l = count; l < kLanes; ++l) v[l] = 0.0f;
  return v;
}

}  // namespace
}  // namespace rle
