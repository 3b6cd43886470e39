// For tests of this folder: parameters, arena and threads of a step, random values, and a loss that is a
// fixed random combination of outputs.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "nn/step.h"

namespace rle {

inline std::vector<float> random_values(int64_t count, uint64_t seed, double scale = 1.0) {
  RngStream stream{RngKey(seed)};
  std::vector<float> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(static_cast<float>(scale * stream.normal()));
  return out;
}

struct StepBench {
  explicit StepBench(int threads = 1) : pool(threads) {}

  ParameterStore parameters;
  Arena arena;
  ThreadPool pool;
  Precision precision = Precision::kFp32;

  // Initial values are too small, or constant, to show a mistake: weights about 0.4, and norms' weights about
  // one.
  void randomise() {
    parameters.freeze(1);
    for (const ParameterStore::Entry& entry : parameters.entries()) {
      if (!entry.trained) continue;
      const float centre = entry.init.kind == Init::Kind::kOne ? 1.0f : 0.0f;
      const std::vector<float> noise = random_values(entry.size, hash_name(entry.name), 0.4);
      for (int64_t i = 0; i < entry.size; ++i)
        parameters.values()[static_cast<size_t>(entry.offset + i)] = centre + noise[static_cast<size_t>(i)];
    }
  }
  Step step(bool training) { return {parameters, arena, pool, training, RngKey(9), nullptr, precision}; }
  // A step whose arena and gradients are empty.
  Step fresh_step(bool training) {
    arena.reset();
    parameters.zero_gradients();
    return step(training);
  }
};

// Of unit length, so that the loss is about one whatever the number of outputs.
inline std::vector<float> loss_weights(int64_t count, uint64_t seed = 99) {
  return random_values(count, seed, 1.0 / std::sqrt(static_cast<double>(count > 0 ? count : 1)));
}
inline double dot(const std::vector<float>& weights, ConstMatrix output) {
  double sum = 0;
  for (int64_t i = 0; i < output.size(); ++i)
    sum += double{weights[static_cast<size_t>(i)]} * double{output.data[i]};
  return sum;
}

// |a - b| / |b|, of whole vectors.
inline double relative_distance(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(double{a[i]} - double{b[i]}, 2);
    size += std::pow(double{b[i]}, 2);
  }
  return std::sqrt(difference / size);
}

inline Matrix view(std::vector<float>& values, int64_t rows, int64_t cols) {
  return {values.data(), rows, cols};
}
inline std::vector<float> values_of(ConstMatrix m) { return {m.data, m.data + m.size()}; }

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace rle
