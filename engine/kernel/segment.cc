#include "kernel/segment.h"

#include <algorithm>

#include "base/error.h"
#include "kernel/segment_simd.h"

namespace rle {
namespace {

void run_sum(const ListSumOperands& op) { RLE_DISPATCH(list_sum(op)) }
void run_max(const ListMaxOperands& op) { RLE_DISPATCH(segment_max(op)) }
void run_max_backward(const ListMaxGradientOperands& op) { RLE_DISPATCH(segment_max_backward(op)) }
void run_column_sums(const float* x, const float* scale, int64_t rows, int64_t cols, float* out) {
  RLE_DISPATCH(add_column_sums(x, scale, rows, cols, out))
}

}  // namespace

void list_sum(std::span<const ListTerm> terms, int64_t begin, int64_t end, SegmentMode mode, Matrix y) {
  RLE_CHECK(y.rows == end - begin);
  run_sum({terms.data(), static_cast<int64_t>(terms.size()), begin, end, y.cols, y.stride,
           mode == SegmentMode::kAccumulate, y.data});
}

void segment_sum(const Csr& lists, const float* scale, ConstMatrix x, int64_t begin, int64_t end,
                 SegmentMode mode, Matrix y) {
  RLE_CHECK(x.cols == y.cols && end <= y.rows && x.contiguous() && y.contiguous());
  const ListTerm term{x.data, lists.offsets, lists.index, scale};
  list_sum({&term, 1}, begin, end, mode, y.slice(begin, end));
}

void gather_rows(const int32_t* index, ConstMatrix x, int64_t begin, int64_t end, SegmentMode mode,
                 Matrix y) {
  RLE_CHECK(x.cols == y.cols && end <= y.rows && x.contiguous() && y.contiguous());
  const ListTerm term{x.data, nullptr, index};
  list_sum({&term, 1}, begin, end, mode, y.slice(begin, end));
}

void add_column_sums(ConstMatrix x, float* out, const float* scale) {
  RLE_CHECK(x.contiguous());
  run_column_sums(x.data, scale, x.rows, x.cols, out);
}

void segment_max(const Csr& lists, ConstMatrix x, int64_t begin, int64_t end, Matrix y, Matrix ties) {
  RLE_CHECK(x.cols == y.cols && end <= y.rows && x.contiguous() && y.contiguous() && ties.contiguous());
  run_max({lists.offsets, lists.index, begin, end, y.cols, x.data, y.data, ties.data});
}

void segment_max_backward(const Csr& transposed, int64_t limit, ConstMatrix x, ConstMatrix y,
                          ConstMatrix ties, ConstMatrix dy, int64_t begin, int64_t end, Matrix dx) {
  RLE_CHECK(dx.cols == dy.cols && end <= dx.rows && dx.contiguous() && dy.contiguous());
  run_max_backward({transposed.offsets, transposed.index, begin, end, dx.cols, limit, x.data, y.data,
                    ties.data, dy.data, dx.data});
}

void segment_sum_oracle(const Csr& lists, const float* scale, ConstMatrix x, int64_t begin, int64_t end,
                        SegmentMode mode, Matrix y) {
  for (int64_t i = begin; i < end; ++i)
    for (int64_t j = 0; j < y.cols; ++j) {
      double sum = 0;
      for (int64_t e = lists.offsets[i]; e < lists.offsets[i + 1]; ++e)
        sum += double{x.row(lists.index[e])[j]};
      if (scale != nullptr) sum *= double{scale[i]};
      if (mode == SegmentMode::kAccumulate) sum += double{y.row(i)[j]};
      y.row(i)[j] = static_cast<float>(sum);
    }
}

void list_sum_oracle(std::span<const ListTerm> terms, int64_t begin, int64_t end, SegmentMode mode,
                     Matrix y) {
  for (int64_t i = begin; i < end; ++i)
    for (int64_t j = 0; j < y.cols; ++j) {
      float& out = y.row(i - begin)[j];
      double sum = mode == SegmentMode::kAccumulate ? double{out} : 0.0;
      for (const ListTerm& term : terms) {
        const int64_t first = term.offsets == nullptr ? i : term.offsets[i];
        const int64_t last = term.offsets == nullptr ? i + 1 : term.offsets[i + 1];
        for (int64_t e = first; e < last; ++e) {
          const int64_t from = term.index == nullptr ? 0 : term.index[e];
          if (from < 0 || from >= term.limit) continue;
          const double scale =
              term.scale == nullptr ? 1.0 : double{term.scale[term.scale_by_index ? from : i]};
          sum += scale * double{term.x[from * y.stride + j]};
        }
      }
      out = static_cast<float>(sum);
    }
}

void segment_max_oracle(const Csr& lists, ConstMatrix x, int64_t begin, int64_t end, Matrix y, Matrix ties) {
  for (int64_t i = begin; i < end; ++i) {
    float* best = y.row(i);
    float* count = ties.row(i);
    std::fill(best, best + y.cols, 0.0f);
    std::fill(count, count + y.cols, 0.0f);
    for (int64_t e = lists.offsets[i]; e < lists.offsets[i + 1]; ++e) {
      const float* row = x.row(lists.index[e]);
      const bool first = e == lists.offsets[i];
      for (int64_t j = 0; j < y.cols; ++j) {
        const bool greater = first || row[j] > best[j];
        count[j] = greater ? 1.0f : count[j] + (row[j] == best[j] ? 1.0f : 0.0f);
        best[j] = greater ? row[j] : best[j];
      }
    }
  }
}

void segment_max_backward_oracle(const Csr& transposed, int64_t limit, ConstMatrix x, ConstMatrix y,
                                 ConstMatrix ties, ConstMatrix dy, int64_t begin, int64_t end, Matrix dx) {
  for (int64_t s = begin; s < end; ++s) {
    for (int64_t e = transposed.offsets[s]; e < transposed.offsets[s + 1] && transposed.index[e] < limit;
         ++e) {
      const int64_t i = transposed.index[e];
      for (int64_t j = 0; j < dx.cols; ++j)
        if (x.row(s)[j] == y.row(i)[j]) dx.row(s)[j] += dy.row(i)[j] / ties.row(i)[j];
    }
  }
}

void gather_rows_oracle(const int32_t* index, ConstMatrix x, int64_t begin, int64_t end, SegmentMode mode,
                        Matrix y) {
  for (int64_t i = begin; i < end; ++i)
    for (int64_t j = 0; j < y.cols; ++j) {
      const float value = index[i] < 0 ? 0.0f : x.row(index[i])[j];
      y.row(i)[j] = mode == SegmentMode::kAccumulate ? y.row(i)[j] + value : value;
    }
}

void add_column_sums_oracle(ConstMatrix x, float* out, const float* scale) {
  for (int64_t j = 0; j < x.cols; ++j) {
    double sum = double{out[j]};
    for (int64_t i = 0; i < x.rows; ++i)
      sum += double{x.row(i)[j]} * (scale == nullptr ? 1.0 : double{scale[i]});
    out[j] = static_cast<float>(sum);
  }
}

Csr transpose(const Csr& lists, int64_t list_count, int64_t rows, Arena& arena) {
  const int64_t entries = list_count == 0 ? 0 : lists.offsets[list_count];
  int32_t* offsets = arena.allocate_zero<int32_t>(rows + 2);
  int32_t* index = arena.allocate<int32_t>(entries);
  int32_t* fill = offsets + 1;  // counts shifted by two become insertion points shifted by one
  for (int64_t e = 0; e < entries; ++e) ++fill[lists.index[e] + 1];
  for (int64_t r = 0; r < rows; ++r) fill[r + 1] += fill[r];
  for (int64_t i = 0; i < list_count; ++i)
    for (int64_t e = lists.offsets[i]; e < lists.offsets[i + 1]; ++e)
      index[fill[lists.index[e]]++] = static_cast<int32_t>(i);
  return {offsets, index};
}

Csr transpose_gather(const int32_t* gather, int64_t count, int64_t rows, Arena& arena) {
  int32_t* offsets = arena.allocate_zero<int32_t>(rows + 2);
  int32_t* index = arena.allocate<int32_t>(count);
  int32_t* fill = offsets + 1;
  for (int64_t i = 0; i < count; ++i)
    if (gather[i] >= 0) ++fill[gather[i] + 1];
  for (int64_t r = 0; r < rows; ++r) fill[r + 1] += fill[r];
  for (int64_t i = 0; i < count; ++i)
    if (gather[i] >= 0) index[fill[gather[i]]++] = static_cast<int32_t>(i);
  return {offsets, index};
}

}  // namespace rle
