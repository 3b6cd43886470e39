// Products of operands rounded to bf16, summed in fp32. An element of the register tile is a pair of bf16
// that lie one behind the other along k, the first in the lower half; an odd k ends with a zero. A and B are
// converted in blocks that stay in L1; a packed B was long before.
#include "kernel/gemm_simd.h"
#include "kernel/gemm_tile.h"
#include "kernel/simd_lanes.h"

namespace rle::RLE_ISA {
namespace {

typedef uint32_t PairVector __attribute__((vector_size(RLE_SIMD_WIDTH * 4), aligned(4), may_alias));
typedef uint16_t HalfVector __attribute__((vector_size(RLE_SIMD_WIDTH * 2), aligned(2), may_alias));

struct PairElements {
  using Element = uint32_t;
  using Vector = PairVector;
  static Vector load_elements(const uint32_t* p) { return *reinterpret_cast<const PairVector*>(p); }
};

#if defined(RLE_ISA_avx512_bf16)

// Lane j: (low[j], high[j]).
inline PairVector pair_up(FloatVector low, FloatVector high) {
  alignas(64) static constexpr uint16_t kInterleave[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                           21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                           11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i halves = __m512i(_mm512_cvtne2ps_pbh(__m512(high), __m512(low)));
  return PairVector(_mm512_permutexvar_epi16(_mm512_load_si512(kInterleave), halves));
}
inline HalfVector halves_of(FloatVector x) { return HalfVector(_mm512_cvtneps_pbh(__m512(x))); }

struct Bf16Product : PairElements {
  static FloatVector multiply_add(FloatVector sum, uint32_t x, Vector y) {
    return FloatVector(
        _mm512_dpbf16_ps(__m512(sum), __m512bh(_mm512_set1_epi32(static_cast<int>(x))), __m512bh(y)));
  }
};

#else

// As the instructions do, but that they take subnormal numbers for zero. x in the lower half of each lane:
inline UintVector rounded(FloatVector x) {
  const UintVector bits = UintVector(x), not_a_number = UintVector(x != x);
  const UintVector nearest = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return (nearest & ~not_a_number) | ((bits >> 16 | 0x40u) & not_a_number);
}
inline PairVector pair_up(FloatVector low, FloatVector high) {
  return PairVector(rounded(low) | rounded(high) << 16);
}
inline HalfVector halves_of(FloatVector x) { return __builtin_convertvector(rounded(x), HalfVector); }

// A product of two bf16 is exact in fp32; the instruction adds the upper one first.
struct Bf16Product : PairElements {
  static FloatVector lower(UintVector pair) { return FloatVector(pair << 16); }
  static FloatVector upper(UintVector pair) { return FloatVector(pair & 0xffff0000u); }
  static FloatVector multiply_add(FloatVector sum, uint32_t x, Vector y) {
    const UintVector pair = UintVector{} + x;
    sum += upper(pair) * upper(UintVector(y));
    return sum + lower(pair) * lower(UintVector(y));
  }
};

#endif

// Blocks of A, a multiple of the tile's rows, and of B, a multiple of its panel.
constexpr int64_t kBlockRows = 48, kBlockPairs = 128;                     // of packed products
constexpr int64_t kDepthPairs = 48, kColumnsOfA = 96, kColumnsOfB = 128;  // of products of columns
static_assert(kBlockRows % kRows == 0 && kColumnsOfA % kRows == 0 && kColumnsOfB % kPanel == 0);

inline int64_t at_most(int64_t value, int64_t bound) { return value < bound ? value : bound; }

// out[p] = (x[2 p], x[2 p + 1]) for the pairs of x[0, count).
void pair_along(const float* x, int64_t count, uint32_t* out) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t left = count - i;
    const HalfVector halves = halves_of(load_first(x + i, left));
    if (left >= kLanes) {
      *reinterpret_cast<HalfVector*>(out + i / 2) = halves;
      continue;
    }
    for (int64_t p = 0; 2 * p < left; ++p)
      out[i / 2 + p] = uint32_t{halves[2 * p]} | uint32_t{halves[2 * p + 1]} << 16;
  }
}

// out[p * stride + j] = (x[2 p][j], x[2 p + 1][j]) of x (rows, columns); zero where it ends, up to `width`.
struct RowPairs {
  const float* x;
  int64_t x_row, rows, columns;
  uint32_t* out;
  int64_t stride, width;
};
void pair_rows(const RowPairs& op) {
  for (int64_t r = 0; r < op.rows; r += 2) {
    const float *low = op.x + r * op.x_row, *high = low + op.x_row;
    uint32_t* out = op.out + r / 2 * op.stride;
    for (int64_t j = 0; j < op.width; j += kLanes) {
      const int64_t left = op.columns - j;
      const FloatVector first = load_first(low + j, left);
      const FloatVector second = r + 1 < op.rows ? load_first(high + j, left) : FloatVector{};
      *reinterpret_cast<PairVector*>(out + j) = pair_up(first, second);
    }
  }
}

}  // namespace

void gemm_bf16_pack(const float* b, int64_t stride, int64_t k, int64_t n, uint32_t* panels) {
  for (int64_t j = 0; j < n; j += kPanel)
    pair_rows({b + j, stride, k, n - j, panels + j * ((k + 1) / 2), kPanel, kPanel});
}

void gemm_bf16_pack_transposed(const float* b, int64_t stride, int64_t k, int64_t n, uint32_t* panels) {
  const int64_t pairs = (k + 1) / 2, padded = (n + kPanel - 1) / kPanel * kPanel;
  uint32_t column[kBlockPairs] = {};
  for (int64_t j = 0; j < padded; ++j) {
    uint32_t* out = panels + (j - j % kPanel) * pairs + j % kPanel;
    for (int64_t p = 0; p < pairs; p += kBlockPairs) {
      if (j < n) pair_along(b + j * stride + 2 * p, at_most(k - 2 * p, 2 * kBlockPairs), column);
      for (int64_t q = 0; q < at_most(pairs - p, kBlockPairs); ++q)
        out[(p + q) * kPanel] = j < n ? column[q] : 0u;
    }
  }
}

void gemm_bf16_packed(const GemmOperands& op, const uint32_t* b) {
  alignas(64) uint32_t block[kBlockRows * kBlockPairs];
  const int64_t pairs = (op.k + 1) / 2;
  for (int64_t i = 0; i < op.m; i += kBlockRows) {
    int64_t p = 0;
    do {  // once where k is 0
      const int64_t rows = at_most(op.m - i, kBlockRows), depth = at_most(pairs - p, kBlockPairs);
      for (int64_t r = 0; r < rows; ++r)
        pair_along(op.a + (i + r) * op.a_row + 2 * p, at_most(op.k - 2 * p, 2 * kBlockPairs),
                   block + r * depth);
      float* c = op.c + i * op.c_row;
      const float* start = p > 0 ? c : op.start != nullptr ? op.start + i * op.start_row : nullptr;
      all_panels<Bf16Product>({rows, op.n, depth, block, depth, 1, b + p * kPanel, kPanel, c, op.c_row, start,
                               p > 0 ? op.c_row : op.start_row},
                              pairs * kPanel);
      p += depth;
    } while (p < pairs);
  }
}

void gemm_bf16_rows(const GemmOperands& op) {
  alignas(64) uint32_t a[kDepthPairs * kColumnsOfA], b[kDepthPairs * kColumnsOfB];
  for (int64_t p = 0; p < op.k; p += 2 * kDepthPairs)
    for (int64_t j = 0; j < op.n; j += kColumnsOfB) {
      const int64_t rows = at_most(op.k - p, 2 * kDepthPairs), columns = at_most(op.n - j, kColumnsOfB);
      const int64_t depth = (rows + 1) / 2;
      for (int64_t panel = 0; panel < columns; panel += kPanel)
        pair_rows({op.b + p * op.b_row + j + panel, op.b_row, rows, columns - panel, b + panel * depth,
                   kPanel, kPanel});
      for (int64_t i = 0; i < op.m; i += kColumnsOfA) {
        const int64_t outputs = at_most(op.m - i, kColumnsOfA);
        pair_rows({op.a + p * op.a_col + i, op.a_col, rows, outputs, a, kColumnsOfA, outputs});
        float* c = op.c + i * op.c_row + j;
        const float* start = p > 0 ? c : op.start != nullptr ? op.start + i * op.start_row + j : nullptr;
        all_panels<Bf16Product>({outputs, columns, depth, a, 1, kColumnsOfA, b, kPanel, c, op.c_row, start,
                                 p > 0 ? op.c_row : op.start_row},
                                depth * kPanel);
      }
    }
}

}  // namespace rle::RLE_ISA
