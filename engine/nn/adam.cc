#include "nn/adam.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace rle {
namespace {
constexpr int64_t kChunk = 1 << 14;
constexpr int64_t kRowChunk = 64;

struct Range {
  int64_t begin, end;
};

// Trained entries that are updated in every step, neighbours joined: usually few ranges.
std::vector<Range> trained_ranges(const ParameterStore& parameters) {
  std::vector<Range> ranges;
  for (const ParameterStore::Entry& entry : parameters.entries()) {
    if (!entry.trained || entry.by_row || entry.size == 0) continue;
    if (!ranges.empty() && ranges.back().end == entry.offset)
      ranges.back().end += entry.size;
    else
      ranges.push_back({entry.offset, entry.offset + entry.size});
  }
  return ranges;
}

bool all_zero(const float* values, int64_t count) {
  return std::all_of(values, values + count, [](float x) { return x == 0.0f; });
}

}  // namespace

Adam::Adam(ParameterStore& parameters, AdamConfig config) : parameters_(parameters), config_(config) {
  state_.first.assign(parameters.values().size(), 0.0f);
  state_.second.assign(parameters.values().size(), 0.0f);
  for (size_t e = 0; e < parameters.entries().size(); ++e) {
    const ParameterStore::Entry& entry = parameters.entries()[e];
    if (!entry.by_row) continue;
    const std::vector<int64_t> row_steps(static_cast<size_t>(entry.shape[0]),
                                         config.weight_decay == 0.0 ? kUnmoved : 0);
    embeddings_.push_back({{static_cast<int32_t>(e)}, entry.offset, entry.shape[1], row_steps});
  }
  parameters_.set_row_updates(this);
}

Adam::~Adam() { parameters_.set_row_updates(nullptr); }

const AdamState& Adam::state() const {
  RLE_CHECK(since_settled_.empty());
  return state_;
}

void Adam::restore(AdamState state) {
  RLE_CHECK(state.first.size() == state_.first.size() && state.second.size() == state_.second.size() &&
            state.steps >= 0);
  state_ = std::move(state);
  since_settled_.clear();
  for (Embedding& embedding : embeddings_)
    for (size_t row = 0; row < embedding.row_steps.size(); ++row) {
      const int64_t at = embedding.offset + static_cast<int64_t>(row) * embedding.cols;
      const bool unmoved = config_.weight_decay == 0.0 &&
                           all_zero(state_.first.data() + at, embedding.cols) &&
                           all_zero(state_.second.data() + at, embedding.cols);
      embedding.row_steps[row] = unmoved ? kUnmoved : state_.steps;
    }
}

AdamFactors Adam::factors(double lr) const {
  const double t = static_cast<double>(state_.steps);
  return {.beta1 = static_cast<float>(config_.beta1),
          .rest1 = static_cast<float>(1.0 - config_.beta1),
          .beta2 = static_cast<float>(config_.beta2),
          .rest2 = static_cast<float>(1.0 - config_.beta2),
          .step_size = static_cast<float>(lr / (1.0 - std::pow(config_.beta1, t))),
          .correction = static_cast<float>(std::sqrt(1.0 - std::pow(config_.beta2, t))),
          .epsilon = static_cast<float>(config_.epsilon),
          .decay = static_cast<float>(config_.weight_decay)};
}

void Adam::step(double lr, ThreadPool& pool) {
  RLE_CHECK(parameters_.values().size() == state_.first.size());
  ++state_.steps;
  const AdamFactors now = factors(lr);
  for (const Range& range : trained_ranges(parameters_)) {
    float* const values = parameters_.values().data() + range.begin;
    const float* const gradients = parameters_.gradients().data() + range.begin;
    float* const first = state_.first.data() + range.begin;
    float* const second = state_.second.data() + range.begin;
    pool.for_chunks(range.end - range.begin, kChunk, [&](int64_t begin, int64_t end) {
      adam_update(now, end - begin, gradients + begin, values + begin, first + begin, second + begin);
    });
  }
  if (embeddings_.empty()) return;
  since_settled_.push_back(now);
  for (const ParameterRows& touched : parameters_.touched()) {
    Embedding& own = embedding(touched.id);
    pool.for_chunks(static_cast<int64_t>(touched.rows.size()), kRowChunk, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) step_row(own, touched.rows[static_cast<size_t>(i)]);
    });
  }
}

void Adam::settle(ThreadPool& pool) {
  if (since_settled_.empty()) return;
  for (Embedding& embedding : embeddings_)
    pool.for_chunks(static_cast<int64_t>(embedding.row_steps.size()), kRowChunk,
                    [&](int64_t begin, int64_t end) {
                      for (int64_t row = begin; row < end; ++row) catch_up_row(embedding, row);
                    });
  since_settled_.clear();
}

Adam::Embedding& Adam::embedding(ParameterId id) {
  const auto found = std::find_if(embeddings_.begin(), embeddings_.end(),
                                  [&](const Embedding& e) { return e.id.value == id.value; });
  RLE_CHECK(found != embeddings_.end());
  return *found;
}

void Adam::catch_up(const ParameterRows& rows, ThreadPool& pool) {
  Embedding& own = embedding(rows.id);
  pool.for_chunks(static_cast<int64_t>(rows.rows.size()), kRowChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) catch_up_row(own, rows.rows[static_cast<size_t>(i)]);
  });
}

void Adam::catch_up_row(Embedding& embedding, int64_t row) {
  int64_t& stands_at = embedding.row_steps[static_cast<size_t>(row)];
  if (stands_at == kUnmoved || stands_at == state_.steps) return;
  const int64_t behind = state_.steps - stands_at, at = embedding.offset + row * embedding.cols;
  adam_catch_up(since_settled_.data() + since_settled_.size() - static_cast<size_t>(behind), behind,
                embedding.cols, parameters_.values().data() + at, state_.first.data() + at,
                state_.second.data() + at);
  stands_at = state_.steps;
}

// The row stands at the step before this one, or is unmoved.
void Adam::step_row(Embedding& embedding, int64_t row) {
  const int64_t at = embedding.offset + row * embedding.cols;
  adam_update(since_settled_.back(), embedding.cols, parameters_.gradients().data() + at,
              parameters_.values().data() + at, state_.first.data() + at, state_.second.data() + at);
  embedding.row_steps[static_cast<size_t>(row)] = state_.steps;
}

double cosine_lr(double lr, double eta_min, int64_t t_max, int64_t epoch) {
  if (epoch >= t_max) return eta_min;
  const double phase = std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(t_max);
  return eta_min + (lr - eta_min) * (1.0 + std::cos(phase)) / 2.0;
}

}  // namespace rle
