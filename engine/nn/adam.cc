#include "nn/adam.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kernel/adam_update.h"

namespace rle {
namespace {
constexpr int64_t kChunk = 1 << 14;

struct Range {
  int64_t begin, end;
};

// Trained entries, neighbours joined: usually one range.
std::vector<Range> trained_ranges(const ParameterStore& parameters) {
  std::vector<Range> ranges;
  for (const ParameterStore::Entry& entry : parameters.entries()) {
    if (!entry.trained || entry.size == 0) continue;
    if (!ranges.empty() && ranges.back().end == entry.offset)
      ranges.back().end += entry.size;
    else
      ranges.push_back({entry.offset, entry.offset + entry.size});
  }
  return ranges;
}

}  // namespace

Adam::Adam(const ParameterStore& parameters, AdamConfig config) : config_(config) {
  state_.first.assign(parameters.values().size(), 0.0f);
  state_.second.assign(parameters.values().size(), 0.0f);
}

void Adam::restore(AdamState state) {
  RLE_CHECK(state.first.size() == state_.first.size() && state.second.size() == state_.second.size() &&
            state.steps >= 0);
  state_ = std::move(state);
}

void Adam::step(ParameterStore& parameters, double lr, ThreadPool& pool) {
  RLE_CHECK(parameters.values().size() == state_.first.size());
  ++state_.steps;
  const double t = static_cast<double>(state_.steps);
  const AdamFactors factors{.beta1 = static_cast<float>(config_.beta1),
                            .rest1 = static_cast<float>(1.0 - config_.beta1),
                            .beta2 = static_cast<float>(config_.beta2),
                            .rest2 = static_cast<float>(1.0 - config_.beta2),
                            .step_size = static_cast<float>(lr / (1.0 - std::pow(config_.beta1, t))),
                            .correction = static_cast<float>(std::sqrt(1.0 - std::pow(config_.beta2, t))),
                            .epsilon = static_cast<float>(config_.epsilon),
                            .decay = static_cast<float>(config_.weight_decay)};

  for (const Range& range : trained_ranges(parameters)) {
    float* const values = parameters.values().data() + range.begin;
    const float* const gradients = parameters.gradients().data() + range.begin;
    float* const first = state_.first.data() + range.begin;
    float* const second = state_.second.data() + range.begin;
    pool.for_chunks(range.end - range.begin, kChunk, [&](int64_t begin, int64_t end) {
      adam_update(factors, end - begin, gradients + begin, values + begin, first + begin, second + begin);
    });
  }
}

double cosine_lr(double lr, double eta_min, int64_t t_max, int64_t epoch) {
  if (epoch >= t_max) return eta_min;
  const double phase = std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(t_max);
  return eta_min + (lr - eta_min) * (1.0 + std::cos(phase)) / 2.0;
}

}  // namespace rle
