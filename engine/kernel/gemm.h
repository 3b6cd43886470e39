// Matrix products on one thread: the caller cuts rows among threads. The product of a tile that lies in L2
// runs near the core's peak; B is packed once (per step) into column panels as wide as the register tile.
// Matrices and sums are fp32; with Precision::kBf16 both operands are rounded to bf16 on the way.
#pragma once

#include <cstdint>

#include "kernel/precision.h"
#include "tensor/matrix.h"

namespace rle {

// B (k, n) in panels of `panel` columns, zero-padded. fp32: panel j holds (k, panel) row-major; bf16: (ceil(k
// / 2), panel) pairs (b[2 p], b[2 p + 1]), the first in the lower half. Borrowed memory.
struct PackedMatrix {
  const float* data = nullptr;
  const uint32_t* pairs = nullptr;  // bf16, in place of data
  int64_t k = 0, n = 0;
};

// Packs b as it is: (k, n).
PackedMatrix pack(ConstMatrix b, Arena& arena, Precision precision = Precision::kFp32);
// Packs the transpose of b (n, k): a linear map's weight (out, in) becomes (in, out).
PackedMatrix pack_transposed(ConstMatrix b, Arena& arena, Precision precision = Precision::kFp32);

enum class GemmMode : int { kOverwrite, kAccumulate };

// c (m, n) = or += a (m, k) b (k, n), in the precision that b was packed in. Every element is summed over k
// in order.
void gemm(ConstMatrix a, const PackedMatrix& b, Matrix c, GemmMode mode);

// c (m, n) = bias (n) in every row + a b: a linear map.
void gemm_bias(ConstMatrix a, const PackedMatrix& b, const float* bias, Matrix c);

// c (m, n) += a^T b, a (rows, m), b (rows, n): the gradient of a weight.
void gemm_at_b(ConstMatrix a, ConstMatrix b, Matrix c, Precision precision = Precision::kFp32);

// The plain loops, for tests: the same contracts, b not packed. For bf16 the operands are rounded before.
void gemm_oracle(ConstMatrix a, ConstMatrix b, Matrix c, GemmMode mode);
void gemm_at_b_oracle(ConstMatrix a, ConstMatrix b, Matrix c);
Matrix rounded_to_bf16(ConstMatrix x, Arena& arena);

}  // namespace rle
