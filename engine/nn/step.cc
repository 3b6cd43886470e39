#include "nn/step.h"

#include "base/error.h"
#include "kernel/gemm.h"
#include "kernel/segment.h"

namespace rle {

void add_slots(ThreadPool& pool, const float* buffers, int64_t count, int64_t size, float* out) {
  constexpr int64_t kChunk = 1 << 14;
  pool.for_chunks(size, kChunk, [&](int64_t begin, int64_t end) {
    for (int64_t slot = 0; slot < count; ++slot) {
      const float* buffer = buffers + slot * size;
      for (int64_t i = begin; i < end; ++i) out[i] += buffer[i];
    }
  });
}

void reduce_slots(Step& step, int64_t rows, int64_t size, float* out,
                  const std::function<void(int64_t, int64_t, float*)>& body) {
  const Slots slots(rows);
  float* buffers = step.arena.allocate<float>(slots.count * size);
  step.pool.for_each(slots.count, [&](int64_t slot) {
    float* buffer = buffers + slot * size;
    std::fill(buffer, buffer + size, 0.0f);
    body(slots.begin(slot), slots.end(slot), buffer);
  });
  add_slots(step.pool, buffers, slots.count, size, out);
}

void parallel_gemm(Step& step, ConstMatrix a, const PackedMatrix& b, Matrix c, GemmMode mode) {
  step.pool.for_chunks(a.rows, kTileRows, [&](int64_t begin, int64_t end) {
    gemm(a.slice(begin, end), b, c.slice(begin, end), mode);
  });
}

void add_linear_gradient(Step& step, ConstMatrix dy, ConstMatrix x, const LinearGradient& gradient) {
  RLE_CHECK(gradient.weight.rows == dy.cols && gradient.weight.cols == x.cols && dy.rows == x.rows);
  if (Slots(dy.rows).count <= 1) {  // no sums to keep apart
    for_tiles(0, dy.rows, [&](int64_t first, int64_t last) {
      gemm_at_b(dy.slice(first, last), x.slice(first, last), gradient.weight, gradient.precision);
      if (gradient.bias != nullptr) add_column_sums(dy.slice(first, last), gradient.bias);
    });
    return;
  }
  const int64_t weights = dy.cols * x.cols, size = weights + (gradient.bias != nullptr ? dy.cols : 0);
  float* sum = step.arena.allocate_zero<float>(size);
  reduce_slots(step, dy.rows, size, sum, [&](int64_t begin, int64_t end, float* buffer) {
    for_tiles(begin, end, [&](int64_t first, int64_t last) {
      gemm_at_b(dy.slice(first, last), x.slice(first, last), Matrix(buffer, dy.cols, x.cols),
                gradient.precision);
      if (gradient.bias != nullptr) add_column_sums(dy.slice(first, last), buffer + weights);
    });
  });
  for (int64_t i = 0; i < dy.cols; ++i)
    for (int64_t j = 0; j < x.cols; ++j) gradient.weight.row(i)[j] += sum[i * x.cols + j];
  if (gradient.bias != nullptr)
    for (int64_t i = 0; i < dy.cols; ++i) gradient.bias[i] += sum[weights + i];
}

}  // namespace rle
