// Panels of B as gemm_simd.cc reads them. Transposing goes by squares of registers.
#include "kernel/gemm_simd.h"
#include "kernel/simd_lanes.h"

namespace rle::RLE_ISA {
namespace {

typedef int32_t LaneIndex __attribute__((vector_size(RLE_SIMD_WIDTH * 4)));

// Lanes of `half` neighbours change places with those of another row: which lanes of (a, b) the first row
// gets, and which the second.
inline LaneIndex first_row(int half) {
  LaneIndex index;
  for (int l = 0; l < RLE_SIMD_WIDTH; ++l) index[l] = (l & half) != 0 ? RLE_SIMD_WIDTH + l - half : l;
  return index;
}
inline LaneIndex second_row(int half) {
  LaneIndex index;
  for (int l = 0; l < RLE_SIMD_WIDTH; ++l) index[l] = (l & half) != 0 ? RLE_SIMD_WIDTH + l : l + half;
  return index;
}

// out[p * out_row + j] = b[j * stride + p] for a square of kLanes.
inline void transpose_square(const float* b, int64_t stride, float* out, int64_t out_row) {
  FloatVector rows[kLanes];
  RLE_UNROLL for (int j = 0; j < kLanes; ++j) rows[j] = load(b + j * stride);
  RLE_UNROLL for (int half = 1; half < kLanes; half *= 2) {
    RLE_UNROLL for (int j = 0; j < kLanes; ++j) {
      if ((j & half) != 0) continue;
      const FloatVector a = rows[j], other = rows[j + half];
      rows[j] = __builtin_shuffle(a, other, first_row(half));
      rows[j + half] = __builtin_shuffle(a, other, second_row(half));
    }
  }
  RLE_UNROLL for (int p = 0; p < kLanes; ++p) store(out + p * out_row, rows[p]);
}

}  // namespace

void gemm_pack(const float* b, int64_t stride, int64_t k, int64_t n, float* out) {
  const int64_t panel = gemm_panel();
  for (int64_t first = 0; first < n; first += panel)
    for (int64_t p = 0; p < k; ++p, out += panel)
      for (int64_t j = 0; j < panel; j += kLanes)
        store(out + j, first + j < n ? load_first(b + p * stride + first + j, n - first - j) : FloatVector{});
}

void gemm_pack_transposed(const float* b, int64_t stride, int64_t k, int64_t n, float* out) {
  const int64_t panel = gemm_panel();
  for (int64_t first = 0; first < n; first += panel, out += k * panel)
    for (int64_t j = 0; j < panel; j += kLanes) {
      const float* rows = b + (first + j) * stride;
      int64_t p = 0;
      if (first + j + kLanes <= n)
        for (; p + kLanes <= k; p += kLanes) transpose_square(rows + p, stride, out + p * panel + j, panel);
      for (; p < k; ++p)
        for (int64_t l = 0; l < kLanes; ++l)
          out[p * panel + j + l] = first + j + l < n ? rows[l * stride + p] : 0.0f;
    }
}

}  // namespace rle::RLE_ISA
