// Matrix products in fp32, on one thread: the caller cuts rows among threads. The product of a tile that lies
// in L2 runs near the core's peak; B is packed once (per step) into column panels as wide as the register
// tile.
#pragma once

#include <cstdint>

#include "tensor/matrix.h"

namespace rle {

// B (k, n) in panels of `panel` columns: panel j holds (k, panel) row-major, zero-padded. Borrowed memory.
struct PackedMatrix {
  const float* data = nullptr;
  int64_t k = 0, n = 0;
};

// Floats needed to pack a (k, n) matrix for the active instruction set.
int64_t packed_size(int64_t k, int64_t n);

// Packs b as it is: (k, n).
PackedMatrix pack(ConstMatrix b, Arena& arena);
// Packs the transpose of b (n, k): a linear map's weight (out, in) becomes (in, out).
PackedMatrix pack_transposed(ConstMatrix b, Arena& arena);

enum class GemmMode : int { kOverwrite, kAccumulate };

// c (m, n) = or += a (m, k) b (k, n). Every element is summed over k in order.
void gemm(ConstMatrix a, const PackedMatrix& b, Matrix c, GemmMode mode);

// c (m, n) = bias (n) in every row + a b: a linear map.
void gemm_bias(ConstMatrix a, const PackedMatrix& b, const float* bias, Matrix c);

// c (m, n) += a^T b, a (rows, m), b (rows, n): the gradient of a weight.
void gemm_at_b(ConstMatrix a, ConstMatrix b, Matrix c);

// The plain loops, for tests: the same contracts, b not packed.
void gemm_oracle(ConstMatrix a, ConstMatrix b, Matrix c, GemmMode mode);
void gemm_at_b_oracle(ConstMatrix a, ConstMatrix b, Matrix c);

}  // namespace rle
