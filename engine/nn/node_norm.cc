#include "nn/node_norm.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "base/error.h"

namespace rle {
namespace {

constexpr float kMomentum = 0.1f;
constexpr int64_t kColumnChunk = 16;

// Calls body(group, column) for every pair; pairs are shared among threads, so body writes to its group's
// rows of its column.
void for_groups(Step& step, int64_t groups, int64_t columns,
                const std::function<void(int64_t, int64_t)>& body) {
  const int64_t chunks = (columns + kColumnChunk - 1) / kColumnChunk;
  step.pool.for_each(groups * chunks, [&](int64_t i) {
    const int64_t group = i / chunks, first = i % chunks * kColumnChunk;
    for (int64_t column = first; column < std::min(columns, first + kColumnChunk); ++column)
      body(group, column);
  });
}

}  // namespace

NodeNorm::NodeNorm(ParameterStore& parameters, const std::string& name, NormKind kind, int64_t channels)
    : kind_(kind), channels_(channels) {
  if (kind == NormKind::kInstance) return;
  affine_ = add_norm(parameters, name, channels);
  if (kind != NormKind::kBatch) return;
  running_mean_ = parameters.add_buffer(name + ".running_mean", {channels}, {Init::Kind::kZero, 0.0});
  running_var_ = parameters.add_buffer(name + ".running_var", {channels}, {Init::Kind::kOne, 1.0});
}

NodeNorm::Context NodeNorm::forward(Step& step, ConstMatrix x, const Csr& groups, int64_t group_count) const {
  Context context = start(step, x.rows, groups, group_count);
  normalise(step, x, new_matrix(step.arena, x.rows, channels_), context);
  return context;
}

NodeNorm::Context NodeNorm::start(Step& step, int64_t count, const Csr& groups, int64_t group_count) const {
  Context context;
  const bool all_rows = kind_ == NormKind::kBatch;
  context.group_count = all_rows ? 1 : group_count;
  context.groups = groups;
  if (all_rows) {
    int32_t* offsets = step.arena.allocate<int32_t>(2);
    int32_t* rows = step.arena.allocate<int32_t>(count);
    offsets[0] = 0;
    offsets[1] = static_cast<int32_t>(count);
    for (int64_t i = 0; i < count; ++i) rows[i] = static_cast<int32_t>(i);
    context.groups = {offsets, rows};
  }
  const int64_t scales = kind_ == NormKind::kLayer ? count : context.group_count * channels_;
  context.saved = {new_matrix(step.arena, count, channels_), step.arena.allocate<float>(scales),
                   step.arena.allocate<uint8_t>(count * mask_bytes(channels_)), 1.0f};
  context.running = kind_ == NormKind::kBatch && (!step.training || count == 1);
  return context;
}

void NodeNorm::normalise(Step& step, ConstMatrix x, Matrix output, Context& context) const {
  context.output = output;
  if (kind_ == NormKind::kLayer)
    step.pool.for_chunks(x.rows, kTileRows, [&](int64_t begin, int64_t end) {
      norm_relu_forward({x.slice(begin, end),
                         affine(step),
                         {},
                         context.saved.slice(begin, end),
                         output.slice(begin, end),
                         {},
                         !step.training});
    });
  else if (context.running)
    forward_running(step, x, context);
  else
    forward_groups(step, x, context);
}

void NodeNorm::normalise_tile(const Step& step, const Context& context, int64_t begin, int64_t end,
                              Matrix tile) const {
  norm_relu_forward({tile, affine(step), {}, context.saved.slice(begin, end), tile, {}, !step.training});
}

void NodeNorm::backward(Step& step, const Context& context, ConstMatrix dy, Matrix dx) const {
  if (dy.rows == 0) return;
  if (kind_ == NormKind::kLayer)
    backward_layer(step, context, dy, dx);
  else
    backward_groups(step, context, dy, dx);
}

void NodeNorm::backward_layer(Step& step, const Context& context, ConstMatrix dy, Matrix dx) const {
  float* sum = step.arena.allocate_zero<float>(2 * channels_);
  reduce_slots(step, dy.rows, 2 * channels_, sum, [&](int64_t begin, int64_t end, float* buffer) {
    norm_relu_backward(dy.slice(begin, end), context.saved.slice(begin, end), step.value(affine_.weight),
                       buffer, buffer + channels_, dx.slice(begin, end));
  });
  for (int64_t j = 0; j < channels_; ++j) {
    step.gradient(affine_.weight)[j] += sum[j];
    step.gradient(affine_.bias)[j] += sum[channels_ + j];
  }
}

void NodeNorm::apply_affine(Step& step, int64_t row, int64_t column, Context& context) const {
  const float normalised = context.saved.normalised.row(row)[column];
  const float z = kind_ == NormKind::kInstance
                      ? normalised
                      : step.value(affine_.weight)[column] * normalised + step.value(affine_.bias)[column];
  context.saved.set_passed(row, column, !(z <= 0.0f));
  context.output.row(row)[column] = std::max(z, 0.0f);
}

void NodeNorm::forward_running(Step& step, ConstMatrix x, Context& context) const {
  for_groups(step, 1, channels_, [&](int64_t, int64_t j) {
    const float inverse_std = 1.0f / std::sqrt(step.value(running_var_)[j] + kNormEpsilon);
    context.saved.inverse_std[j] = inverse_std;
    for (int64_t i = 0; i < x.rows; ++i) {
      context.saved.normalised.row(i)[j] = (x.row(i)[j] - step.value(running_mean_)[j]) * inverse_std;
      apply_affine(step, i, j, context);
    }
  });
}

void NodeNorm::forward_groups(Step& step, ConstMatrix x, Context& context) const {
  for_groups(step, context.group_count, channels_, [&](int64_t g, int64_t j) {
    const int32_t* begin = context.groups.index + context.groups.offsets[g];
    const int32_t* end = context.groups.index + context.groups.offsets[g + 1];
    if (begin == end) return;
    double sum = 0, squares = 0;
    for (const int32_t* i = begin; i != end; ++i) sum += double{x.row(*i)[j]};
    const double mean = sum / static_cast<double>(end - begin);
    for (const int32_t* i = begin; i != end; ++i)
      squares += (double{x.row(*i)[j]} - mean) * (double{x.row(*i)[j]} - mean);
    const double variance = squares / static_cast<double>(end - begin);
    const float inverse_std = static_cast<float>(1.0 / std::sqrt(variance + double{kNormEpsilon}));
    context.saved.inverse_std[g * channels_ + j] = inverse_std;
    for (const int32_t* i = begin; i != end; ++i) {
      context.saved.normalised.row(*i)[j] = static_cast<float>(double{x.row(*i)[j]} - mean) * inverse_std;
      apply_affine(step, *i, j, context);
    }
    if (kind_ == NormKind::kBatch)
      update_running(step, j, static_cast<float>(mean), static_cast<float>(variance), x.rows);
  });
}

void NodeNorm::update_running(Step& step, int64_t column, float mean, float variance, int64_t rows) const {
  float* running_mean = step.parameters.value(running_mean_) + column;
  float* running_var = step.parameters.value(running_var_) + column;
  const float unbiased = variance * static_cast<float>(rows) / static_cast<float>(rows - 1);
  *running_mean += kMomentum * (mean - *running_mean);
  *running_var += kMomentum * (unbiased - *running_var);
}

void NodeNorm::backward_groups(Step& step, const Context& context, ConstMatrix dy, Matrix dx) const {
  const bool affine = kind_ != NormKind::kInstance;
  for_groups(step, context.group_count, channels_, [&](int64_t g, int64_t j) {
    const int32_t* begin = context.groups.index + context.groups.offsets[g];
    const int32_t* end = context.groups.index + context.groups.offsets[g + 1];
    const float weight = affine ? step.value(affine_.weight)[j] : 1.0f;
    double sum = 0, dot = 0;
    for (const int32_t* i = begin; i != end; ++i) {
      const double dz = context.saved.passed(*i, j) ? double{dy.row(*i)[j]} : 0.0;
      sum += dz;
      dot += dz * double{context.saved.normalised.row(*i)[j]};
    }
    if (affine) {  // one group: the only writer of this column
      step.gradient(affine_.weight)[j] += static_cast<float>(dot);
      step.gradient(affine_.bias)[j] += static_cast<float>(sum);
    }
    const float inverse_std = context.saved.inverse_std[g * channels_ + j];
    const double n = static_cast<double>(std::max<int64_t>(1, end - begin));
    const float mean = context.running ? 0.0f : static_cast<float>(sum / n);
    const float mean_dot = context.running ? 0.0f : static_cast<float>(dot / n);
    for (const int32_t* i = begin; i != end; ++i) {
      const float dz = context.saved.passed(*i, j) ? dy.row(*i)[j] : 0.0f;
      dx.row(*i)[j] = weight * inverse_std * (dz - mean - context.saved.normalised.row(*i)[j] * mean_dot);
    }
  });
}

}  // namespace rle
