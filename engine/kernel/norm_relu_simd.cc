// Rows of 64 and 128 columns are unrolled, with a row's values in registers; any other width by loops over
// vectors, the last of which may be partial.
#include "kernel/norm_relu_simd.h"

#include "kernel/simd_lanes.h"

namespace rle::RLE_ISA {
namespace {

constexpr float kEpsilon = 1e-5f;
constexpr int64_t kAhead = 6;  // rows
constexpr int kChains = 4;     // sums that do not wait for one another

inline int64_t mask_bytes(int64_t cols) { return (cols + 15) / 16 * 2; }

// A row's vectors, and how many columns are left from one of them on.
template <int kVectors>
struct Shape {
  int64_t cols;
  int64_t left(int64_t vector) const { return kVectors > 0 ? kLanes : cols - vector * kLanes; }
  template <typename Body>
  void for_vectors(Body&& body) const {
    if constexpr (kVectors > 0) {
      RLE_UNROLL for (int64_t v = 0; v < kVectors; ++v) body(v);
    } else {
      for (int64_t v = 0; v * kLanes < cols; ++v) body(v);
    }
  }
};

// A row's vectors: in registers, or read from memory each time.
template <int kVectors>
struct Row {
  FloatVector vectors[kVectors];
  Row(const float* p, Shape<kVectors>) {
    RLE_UNROLL for (int v = 0; v < kVectors; ++v) vectors[v] = load(p + v * kLanes);
  }
  FloatVector operator[](int64_t v) const { return vectors[v]; }
};
template <>
struct Row<0> {
  const float* p;
  Shape<0> shape;
  Row(const float* memory, Shape<0> s) : p(memory), shape(s) {}
  FloatVector operator[](int64_t v) const { return load_first(p + v * kLanes, shape.left(v)); }
};

// Column sums over rows: in registers until the last row, or in memory.
template <int kVectors>
struct ColumnSums {
  float* out;
  FloatVector sums[kVectors] = {};
  ColumnSums(float* memory, Shape<kVectors>) : out(memory) {}
  void add(int64_t v, FloatVector x) { sums[v] += x; }
  void finish() {
    if (out == nullptr) return;
    RLE_UNROLL for (int v = 0; v < kVectors; ++v) store(out + v * kLanes, load(out + v * kLanes) + sums[v]);
  }
};
template <>
struct ColumnSums<0> {
  float* out;
  Shape<0> shape;
  ColumnSums(float* memory, Shape<0> s) : out(memory), shape(s) {}
  void add(int64_t v, FloatVector x) {
    if (out == nullptr) return;
    float* p = out + v * kLanes;
    store_first(p, load_first(p, shape.left(v)) + x, shape.left(v));
  }
  void finish() {}
};

// dropout_bits of norm_relu.h for the columns of a vector, shifted to the upper half.
inline UintVector dropout_bits(uint32_t row_key, int64_t vector) {
  const uint32_t column = static_cast<uint32_t>(vector * kLanes);
  UintVector x = lane_numbers() * 0x9e3779b9u + (row_key + (column / 32 * 16 + column % 16) * 0x9e3779b9u);
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  x ^= x >> 16;
  return column % 32 < 16 ? x << 16 : x;
}

struct Moments {
  float mean, inverse_std;
};

template <int kVectors>
inline Moments moments(const Row<kVectors>& x, Shape<kVectors> shape) {
  const float inverse_count = 1.0f / static_cast<float>(shape.cols);
  FloatVector sums[kChains] = {}, squares[kChains] = {};
  shape.for_vectors([&](int64_t v) { sums[v % kChains] += x[v]; });
  const float mean = sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])) * inverse_count;
  shape.for_vectors([&](int64_t v) {
    const FloatVector centred = keep_first(x[v] - mean, shape.left(v));
    squares[v % kChains] += centred * centred;
  });
  const float variance = sum_of_lanes((squares[0] + squares[1]) + (squares[2] + squares[3])) * inverse_count;
  return {mean, 1.0f / __builtin_sqrtf(variance + kEpsilon)};
}

// Operands by value: stores through their pointers cannot change them.
template <int kVectors, bool kDrops>
void forward_rows(NormReluOperands op) {
  const Shape<kVectors> shape{op.cols};
  for (int64_t i = 0; i < op.rows; ++i) {
    const Row<kVectors> x(op.input + i * op.input_stride, shape);
    const Moments row = moments(x, shape);
    const uint32_t key = kDrops ? op.row_keys[i] : 0;
    op.inverse_std[i] = row.inverse_std;
    float* normalised = op.normalised + i * op.cols;
    float* y = op.output + i * op.output_stride;
    uint8_t* mask = op.mask + i * mask_bytes(op.cols);
    const float* shortcut = op.shortcut != nullptr ? op.shortcut + i * op.shortcut_stride : nullptr;
    shape.for_vectors([&](int64_t v) {
      const int64_t column = v * kLanes, left = shape.left(v);
      const FloatVector unit = (x[v] - row.mean) * row.inverse_std;
      const FloatVector z = load_first(op.weight + column, left) * unit + load_first(op.bias + column, left);
      LaneMask passed = not_below_zero(z);
      if (kDrops) passed = passed & at_least(dropout_bits(key, v), op.drop_below << 16);
      FloatVector out = where(passed, z * op.scale);
      if (shortcut != nullptr) out += load_first(shortcut + column, left);
      if (kVectors > 0 && op.streams)
        store_stream(normalised + column, unit);
      else
        store_first(normalised + column, unit, left);
      store_first(y + column, out, left);
      store_bits(mask, v, passed);
    });
  }
  if (kVectors > 0 && op.streams) stream_end();
}

template <int kVectors>
void backward_rows(NormReluOperands op) {
  const Shape<kVectors> shape{op.cols};
  const float inverse_cols = 1.0f / static_cast<float>(op.cols);
  ColumnSums<kVectors> weight_gradient(op.weight_gradient, shape), bias_gradient(op.bias_gradient, shape),
      output_sums(op.output_sums, shape);
  for (int64_t i = 0; i < op.rows; ++i) {
    const Row<kVectors> dy(op.input + i * op.input_stride, shape);  // dx may be the same memory
    const float* normalised = op.normalised + i * op.cols;
    const uint8_t* mask = op.mask + i * mask_bytes(op.cols);
    float* dx = op.output + i * op.output_stride;
    float* rebuilt = op.rebuilt != nullptr ? op.rebuilt + i * op.rebuilt_stride : nullptr;
    FloatVector sum{}, dot{};
    shape.for_vectors([&](int64_t v) {
      const int64_t column = v * kLanes, left = shape.left(v);
      if (kVectors > 0) __builtin_prefetch(normalised + kAhead * op.cols + column);
      const FloatVector unit = load_first(normalised + column, left);
      const FloatVector weight = load_first(op.weight + column, left);
      const LaneMask passed = load_bits(mask, v);
      const FloatVector dz = where(passed, dy[v] * op.scale);
      bias_gradient.add(v, dz);
      weight_gradient.add(v, dz * unit);
      sum += dz * weight;
      dot += dz * weight * unit;
      if (rebuilt == nullptr) return;
      const FloatVector z = weight * unit + load_first(op.bias + column, left);
      store_first(rebuilt + column, where(passed, z * op.scale), left);
    });
    const float mean = sum_of_lanes(sum) * inverse_cols, mean_dot = sum_of_lanes(dot) * inverse_cols;
    const float inverse_std = op.inverse_std[i];
    shape.for_vectors([&](int64_t v) {
      const int64_t column = v * kLanes, left = shape.left(v);
      const FloatVector scaled =
          where(load_bits(mask, v), dy[v] * op.scale) * load_first(op.weight + column, left);
      const FloatVector out =
          inverse_std * (scaled - mean - load_first(normalised + column, left) * mean_dot);
      output_sums.add(v, out);
      store_first(dx + column, out, left);
    });
  }
  weight_gradient.finish();
  bias_gradient.finish();
  output_sums.finish();
}

template <int kVectors>
void rebuild_rows(NormReluOperands op) {
  const Shape<kVectors> shape{op.cols};
  for (int64_t i = 0; i < op.rows; ++i) {
    const uint8_t* mask = op.mask + i * mask_bytes(op.cols);
    shape.for_vectors([&](int64_t v) {
      const int64_t column = v * kLanes, left = shape.left(v);
      const FloatVector unit = load_first(op.normalised + i * op.cols + column, left);
      const FloatVector z = load_first(op.weight + column, left) * unit + load_first(op.bias + column, left);
      store_first(op.output + i * op.output_stride + column, where(load_bits(mask, v), z * op.scale), left);
    });
  }
}

}  // namespace

void norm_relu_forward(const NormReluOperands& op) {
  constexpr int k64 = 64 / RLE_SIMD_WIDTH, k128 = 128 / RLE_SIMD_WIDTH;
  const bool drops = op.row_keys != nullptr;
  if (op.cols == 128) return drops ? forward_rows<k128, true>(op) : forward_rows<k128, false>(op);
  if (op.cols == 64) return drops ? forward_rows<k64, true>(op) : forward_rows<k64, false>(op);
  return drops ? forward_rows<0, true>(op) : forward_rows<0, false>(op);
}

void norm_relu_backward(const NormReluOperands& op) {
  if (op.cols == 128) return backward_rows<128 / RLE_SIMD_WIDTH>(op);
  if (op.cols == 64) return backward_rows<64 / RLE_SIMD_WIDTH>(op);
  backward_rows<0>(op);
}

void norm_relu_rebuild(const NormReluOperands& op) {
  if (op.cols == 128) return rebuild_rows<128 / RLE_SIMD_WIDTH>(op);
  if (op.cols == 64) return rebuild_rows<64 / RLE_SIMD_WIDTH>(op);
  rebuild_rows<0>(op);
}

}  // namespace rle::RLE_ISA
