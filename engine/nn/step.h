// What every module's forward and backward works with during one step, and how loops over rows are cut: in
// tiles that stay in L2, and in slots, a number fixed by the rows alone, whose gradients are added in slot
// order. Neither depends on threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>

#include "base/rng.h"
#include "base/thread_pool.h"
#include "kernel/precision.h"
#include "nn/parameter_store.h"
#include "tensor/matrix.h"

namespace rle {

inline constexpr int64_t kTileRows = 192;  // a multiple of the register tile's rows (kernel/gemm_simd.cc)

// Is told when a part of a step has ended; benchmarks time parts with it. Called from the driving thread.
class StepMarks {
 public:
  virtual ~StepMarks() = default;
  virtual void mark(const char* part) = 0;
};

// Borrowed by modules for the length of a call.
struct Step {
  ParameterStore& parameters;
  Arena& arena;
  ThreadPool& pool;
  bool training = false;  // dropout and batch statistics on; what the backward pass needs is kept
  RngKey dropout{0};
  StepMarks* marks = nullptr;
  // Of the large products: residual blocks, message passing, maps of ages. All else is fp32.
  Precision precision = Precision::kFp32;

  void mark(const char* part) const {
    if (marks != nullptr) marks->mark(part);
  }
  const float* value(ParameterId id) const { return parameters.value(id); }
  float* gradient(ParameterId id) const { return parameters.gradient(id); }
  // Before rows of an embedding are read; distinct rows.
  void touch(ParameterId id, std::span<const int32_t> rows) const {
    if (training) parameters.touch(id, rows, pool);
  }
  // A parameter of shape (out, in) as a matrix.
  ConstMatrix weight(ParameterId id, int64_t rows, int64_t cols) const {
    return {parameters.value(id), rows, cols};
  }
  Matrix weight_gradient(ParameterId id, int64_t rows, int64_t cols) const {
    return {parameters.gradient(id), rows, cols};
  }
};

// Slots of a loop over `rows`: 1 to 8, of whole tiles. A slot costs a buffer of gradients, so that one of few
// tiles would cost more than it spares.
struct Slots {
  int64_t rows = 0, count = 0, rows_per_slot = 0;
  explicit Slots(int64_t total) : rows(total) {
    constexpr int64_t kMost = 8, kLeastTiles = 4;
    const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
    const int64_t tiles_per_slot = std::max(kLeastTiles, (tiles + kMost - 1) / kMost);
    rows_per_slot = tiles_per_slot * kTileRows;
    count = (rows + rows_per_slot - 1) / rows_per_slot;
  }
  int64_t begin(int64_t slot) const { return slot * rows_per_slot; }
  int64_t end(int64_t slot) const { return std::min(rows, (slot + 1) * rows_per_slot); }
};

// Calls body(begin, end) for the tiles of [begin, end) in order.
template <typename Body>
void for_tiles(int64_t begin, int64_t end, Body&& body) {
  for (int64_t tile = begin; tile < end; tile += kTileRows) body(tile, std::min(end, tile + kTileRows));
}

// Runs body(begin, end, sum) once per slot, with a zeroed buffer of `size` floats each, then adds the buffers
// to `out` in slot order. Threads share the slots.
void reduce_slots(Step& step, int64_t rows, int64_t size, float* out,
                  const std::function<void(int64_t begin, int64_t end, float* sum)>& body);

// out[i] += buffers[0][i] + buffers[1][i] + ..., `count` buffers of `size` floats one behind the other.
void add_slots(ThreadPool& pool, const float* buffers, int64_t count, int64_t size, float* out);

// c = or += a b, rows shared among threads.
enum class GemmMode : int;
struct PackedMatrix;
void parallel_gemm(Step& step, ConstMatrix a, const PackedMatrix& b, Matrix c, GemmMode mode);

// weight (out, in) += dy^T x; bias (out), where given, += the column sums of dy.
struct LinearGradient {
  Matrix weight;
  float* bias = nullptr;
  Precision precision = Precision::kFp32;
};
void add_linear_gradient(Step& step, ConstMatrix dy, ConstMatrix x, const LinearGradient& gradient);

}  // namespace rle
