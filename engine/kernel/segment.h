// Sums, means and maxima over lists of rows: message passing, gathers and the gradients of both are all one
// of these. Lists come as CSR: the rows of list i are index[offsets[i] .. offsets[i+1]). A list is reduced in
// its order, on one thread; the caller cuts lists among threads.
#pragma once

#include <cstdint>
#include <span>

#include "kernel/list_term.h"
#include "tensor/matrix.h"

namespace rle {

struct Csr {
  const int32_t* offsets = nullptr;  // (lists + 1)
  const int32_t* index = nullptr;    // rows of x
};

enum class SegmentMode { kOverwrite, kAccumulate };

// y (end - begin, cols) = or += the sum over all terms, list by list, for the lists [begin, end): several
// gathers and sums in one pass over the output. y may be some columns of a matrix, then every x begins at the
// same one.
void list_sum(std::span<const ListTerm> terms, int64_t begin, int64_t end, SegmentMode mode, Matrix y);

// y[i] = or += scale[i] * sum of x over list i, for i in [begin, end); scale nullptr: 1. Empty lists: 0.
void segment_sum(const Csr& lists, const float* scale, ConstMatrix x, int64_t begin, int64_t end,
                 SegmentMode mode, Matrix y);

// y[i] = or += x[index[i]] for i in [begin, end); index -1: zero.
void gather_rows(const int32_t* index, ConstMatrix x, int64_t begin, int64_t end, SegmentMode mode, Matrix y);

// y[i] = maximum of x over list i by column, 0 where it is empty; ties[i] = how many rows reach it (for the
// gradient, which ties share evenly, as torch's scatter_reduce does).
void segment_max(const Csr& lists, ConstMatrix x, int64_t begin, int64_t end, Matrix y, Matrix ties);

// The gradient of segment_max: for each row s in [begin, end) of x, over the lists that hold it (transposed
// CSR, lists < limit): dx[s] += dy[i] / ties[i] where x[s] equals y[i].
void segment_max_backward(const Csr& transposed, int64_t limit, ConstMatrix x, ConstMatrix y,
                          ConstMatrix ties, ConstMatrix dy, int64_t begin, int64_t end, Matrix dx);

// out (cols) += the sum of x's rows, each times its scale where given.
void add_column_sums(ConstMatrix x, float* out, const float* scale = nullptr);

// The plain loops, for tests: the same contracts.
void segment_sum_oracle(const Csr& lists, const float* scale, ConstMatrix x, int64_t begin, int64_t end,
                        SegmentMode mode, Matrix y);
void gather_rows_oracle(const int32_t* index, ConstMatrix x, int64_t begin, int64_t end, SegmentMode mode,
                        Matrix y);
void add_column_sums_oracle(ConstMatrix x, float* out, const float* scale = nullptr);
void list_sum_oracle(std::span<const ListTerm> terms, int64_t begin, int64_t end, SegmentMode mode, Matrix y);
void segment_max_oracle(const Csr& lists, ConstMatrix x, int64_t begin, int64_t end, Matrix y, Matrix ties);
void segment_max_backward_oracle(const Csr& transposed, int64_t limit, ConstMatrix x, ConstMatrix y,
                                 ConstMatrix ties, ConstMatrix dy, int64_t begin, int64_t end, Matrix dx);

// Which lists hold a row: offsets (rows + 1) and list numbers, ascending. From lists of any number.
Csr transpose(const Csr& lists, int64_t list_count, int64_t rows, Arena& arena);
// The same for one row a list (a gather); -1 is left out.
Csr transpose_gather(const int32_t* index, int64_t count, int64_t rows, Arena& arena);

}  // namespace rle
