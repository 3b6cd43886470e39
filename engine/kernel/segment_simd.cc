// Output rows stay in registers, 8 vectors at a time, over all terms of a list; rows that come kAhead entries
// later are fetched meanwhile.
#include "kernel/segment_simd.h"

#include "kernel/simd.h"

namespace rle::RLE_ISA {
namespace {

constexpr int64_t kAhead = 6;
constexpr int64_t kLineFloats = 16;

// V vectors of a row; 0: a single column.
template <int V>
struct Lanes {
  FloatVector v[V];
  static constexpr int64_t kWidth = V * kLanes;
  inline void zero() { RLE_UNROLL for (int i = 0; i < V; ++i) v[i] = FloatVector{}; }
  inline void read(const float* p) { RLE_UNROLL for (int i = 0; i < V; ++i) v[i] = load(p + i * kLanes); }
  inline void add(const float* p) { RLE_UNROLL for (int i = 0; i < V; ++i) v[i] += load(p + i * kLanes); }
  inline void add(const float* p, float scale) {
    RLE_UNROLL for (int i = 0; i < V; ++i) v[i] += scale * load(p + i * kLanes);
  }
  inline void write(float* p) const { RLE_UNROLL for (int i = 0; i < V; ++i) store(p + i * kLanes, v[i]); }
};

template <>
struct Lanes<0> {
  float v;
  static constexpr int64_t kWidth = 1;
  inline void zero() { v = 0.0f; }
  inline void read(const float* p) { v = *p; }
  inline void add(const float* p) { v += *p; }
  inline void add(const float* p, float scale) { v += scale * *p; }
  inline void write(float* p) const { *p = v; }
};

inline void prefetch(const float* p, int64_t floats) {
  for (int64_t i = 0; i < floats; i += kLineFloats) __builtin_prefetch(p + i);
}

template <int V>
inline void add_term(const ListTerm& term, int64_t i, int64_t end, int64_t stride, int64_t column,
                     Lanes<V>& sum) {
  if (term.index == nullptr) {
    if (term.scale == nullptr)
      sum.add(term.x + column);
    else
      sum.add(term.x + column, term.scale[i]);
    return;
  }
  const int64_t first = term.offsets == nullptr ? i : term.offsets[i];
  const int64_t last = term.offsets == nullptr ? i + 1 : term.offsets[i + 1];
  const int64_t entries = term.offsets == nullptr ? end : term.offsets[end];
  for (int64_t e = first; e < last; ++e) {
    if (e + kAhead < entries && term.index[e + kAhead] >= 0)
      prefetch(term.x + term.index[e + kAhead] * stride + column, Lanes<V>::kWidth);
    const int64_t from = term.index[e];
    if (from < 0) continue;
    if (from >= term.limit) break;
    const float* x = term.x + from * stride + column;
    if (term.scale == nullptr)
      sum.add(x);
    else
      sum.add(x, term.scale[term.scale_by_index ? from : i]);
  }
}

template <int V>
inline void sum_block(const ListSumOperands& op, int64_t i, int64_t column) {
  float* y = op.y + (i - op.begin) * op.stride + column;
  Lanes<V> sum;
  if (op.accumulate)
    sum.read(y);
  else
    sum.zero();
  for (int64_t t = 0; t < op.count; ++t) add_term<V>(op.terms[t], i, op.end, op.stride, column, sum);
  sum.write(y);
}

template <int V>
inline void max_block(const ListMaxOperands& op, int64_t i, int64_t column) {
  FloatVector best[V], count[V];
  const FloatVector one = FloatVector{} + 1.0f, none = FloatVector{};
  RLE_UNROLL for (int v = 0; v < V; ++v) best[v] = count[v] = none;
  for (int64_t e = op.offsets[i]; e < op.offsets[i + 1]; ++e) {
    const float* x = op.x + op.index[e] * op.cols + column;
    const bool first = e == op.offsets[i];
    RLE_UNROLL for (int v = 0; v < V; ++v) {
      const FloatVector value = load(x + v * kLanes);
      const FloatVector former = first ? value : best[v];
      const FloatVector ties = count[v] + (value == former ? one : none);
      count[v] = first ? one : (value > former ? one : ties);
      best[v] = value > former ? value : former;
    }
  }
  RLE_UNROLL for (int v = 0; v < V; ++v) {
    store(op.y + i * op.cols + column + v * kLanes, best[v]);
    store(op.ties + i * op.cols + column + v * kLanes, count[v]);
  }
}

inline void max_column(const ListMaxOperands& op, int64_t i, int64_t column) {
  float best = 0.0f, count = 0.0f;
  for (int64_t e = op.offsets[i]; e < op.offsets[i + 1]; ++e) {
    const float value = op.x[op.index[e] * op.cols + column];
    const bool greater = e == op.offsets[i] || value > best;
    count = greater ? 1.0f : count + (value == best ? 1.0f : 0.0f);
    best = greater ? value : best;
  }
  op.y[i * op.cols + column] = best;
  op.ties[i * op.cols + column] = count;
}

template <int V>
inline void add_columns(const float* x, const float* scale, int64_t rows, int64_t cols, float* out) {
  Lanes<V> sum;
  sum.read(out);
  for (int64_t i = 0; i < rows; ++i) {
    if (scale == nullptr)
      sum.add(x + i * cols);
    else
      sum.add(x + i * cols, scale[i]);
  }
  sum.write(out);
}

}  // namespace

void list_sum(const ListSumOperands& op) {
  for (int64_t i = op.begin; i < op.end; ++i) {
    int64_t j = 0;
    for (; j + 8 * kLanes <= op.cols; j += 8 * kLanes) sum_block<8>(op, i, j);
    for (; j + 2 * kLanes <= op.cols; j += 2 * kLanes) sum_block<2>(op, i, j);
    for (; j + kLanes <= op.cols; j += kLanes) sum_block<1>(op, i, j);
    for (; j < op.cols; ++j) sum_block<0>(op, i, j);
  }
}

void segment_max(const ListMaxOperands& op) {
  for (int64_t i = op.begin; i < op.end; ++i) {
    int64_t j = 0;
    for (; j + 4 * kLanes <= op.cols; j += 4 * kLanes) max_block<4>(op, i, j);
    for (; j + kLanes <= op.cols; j += kLanes) max_block<1>(op, i, j);
    for (; j < op.cols; ++j) max_column(op, i, j);
  }
}

void segment_max_backward(const ListMaxGradientOperands& op) {
  const FloatVector none = FloatVector{};
  for (int64_t s = op.begin; s < op.end; ++s) {
    const float* x = op.x + s * op.cols;
    float* dx = op.dx + s * op.cols;
    for (int64_t e = op.offsets[s]; e < op.offsets[s + 1] && op.index[e] < op.limit; ++e) {
      const int64_t at = op.index[e] * op.cols;
      int64_t j = 0;
      for (; j + kLanes <= op.cols; j += kLanes) {
        const FloatVector share = load(op.dy + at + j) / load(op.ties + at + j);
        store(dx + j, load(dx + j) + (load(x + j) == load(op.y + at + j) ? share : none));
      }
      for (; j < op.cols; ++j)
        if (x[j] == op.y[at + j]) dx[j] += op.dy[at + j] / op.ties[at + j];
    }
  }
}

void add_column_sums(const float* x, const float* scale, int64_t rows, int64_t cols, float* out) {
  int64_t j = 0;
  for (; j + 8 * kLanes <= cols; j += 8 * kLanes) add_columns<8>(x + j, scale, rows, cols, out + j);
  for (; j + kLanes <= cols; j += kLanes) add_columns<1>(x + j, scale, rows, cols, out + j);
  for (; j < cols; ++j) add_columns<0>(x + j, scale, rows, cols, out + j);
}

}  // namespace rle::RLE_ISA
