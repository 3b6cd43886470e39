#include "nn/hetero_conv.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rle {

HeteroConv::HeteroConv(ParameterStore& parameters, const std::string& prefix,
                       std::vector<ConvEdgeType> edge_types, int64_t node_types, int64_t channels,
                       Reduce conv, Reduce hetero)
    : edge_types_(std::move(edge_types)),
      incoming_(static_cast<size_t>(node_types)),
      channels_(channels),
      conv_(conv),
      hetero_(hetero) {
  const Init init{Init::Kind::kUniform, 1.0 / std::sqrt(static_cast<double>(channels))};
  for (size_t e = 0; e < edge_types_.size(); ++e) {
    const std::string name = prefix + "." + edge_types_[e].name;
    parameters_.push_back({parameters.add(name + ".neighbour.weight", {channels, channels}, init),
                           parameters.add(name + ".neighbour.bias", {channels}, init),
                           parameters.add(name + ".root.weight", {channels, channels}, init)});
    incoming_[static_cast<size_t>(edge_types_[e].target)].push_back(e);
  }
}

// ---- forward

void HeteroConv::prepare_edge(Step& step, size_t e, const ConvEdges& edges, Context& context) const {
  EdgeState& state = context.edges[e];
  const int64_t targets = context.targets[static_cast<size_t>(edge_types_[e].target)];
  state.active = targets > 0 && edges.count > 0 && edges.by_target.offsets[targets] > 0;
  if (!state.active) return;
  state.neighbour =
      pack_transposed(step.weight(parameters_[e].neighbour_weight, channels_, channels_), step.arena);
  state.aggregated = new_matrix(step.arena, targets, channels_);
  if (conv_ == Reduce::kMax) state.ties = new_matrix(step.arena, targets, channels_);
  if (conv_ != Reduce::kMean) return;
  state.inverse_degree = step.arena.allocate<float>(targets);
  for (int64_t i = 0; i < targets; ++i) {
    const int32_t degree = edges.by_target.offsets[i + 1] - edges.by_target.offsets[i];
    state.inverse_degree[i] = degree == 0 ? 0.0f : 1.0f / static_cast<float>(degree);
  }
}

HeteroConv::Group HeteroConv::make_group(Step& step, std::vector<size_t> edges, int64_t targets) const {
  Group group;
  group.edges = std::move(edges);
  group.root_weight = new_zero_matrix(step.arena, channels_, channels_);
  for (size_t e : group.edges) {
    const float* root = step.value(parameters_[e].root_weight);
    for (int64_t i = 0; i < group.root_weight.size(); ++i) group.root_weight.data[i] += root[i];
  }
  group.root = pack_transposed(group.root_weight, step.arena);
  group.output = new_matrix(step.arena, targets, channels_);
  return group;
}

HeteroConv::Context HeteroConv::forward(Step& step, const std::vector<ConstMatrix>& inputs,
                                        const std::vector<ConvEdges>& edges,
                                        const std::vector<int64_t>& targets) const {
  Context context;
  context.targets = targets;
  context.inputs = inputs;
  context.edges.resize(edge_types_.size());
  context.groups.resize(incoming_.size());
  context.outputs.resize(incoming_.size());
  context.winner.resize(incoming_.size());
  for (size_t e = 0; e < edge_types_.size(); ++e) prepare_edge(step, e, edges[e], context);
  for (size_t t = 0; t < incoming_.size(); ++t) {
    if (incoming_[t].empty()) continue;
    if (hetero_ == Reduce::kMax) {
      for (size_t e : incoming_[t]) context.groups[t].push_back(make_group(step, {e}, targets[t]));
    } else {
      context.groups[t].push_back(make_group(step, incoming_[t], targets[t]));
    }
    for (const Group& group : context.groups[t]) forward_group(step, context, edges, t, group);
    combine_groups(step, t, context);
  }
  return context;
}

void HeteroConv::forward_group(Step& step, const Context& context, const std::vector<ConvEdges>& edges,
                               size_t type, const Group& group) const {
  float* bias = step.arena.allocate_zero<float>(channels_);
  for (size_t e : group.edges)
    for (int64_t j = 0; j < channels_; ++j) bias[j] += step.value(parameters_[e].neighbour_bias)[j];
  const float scale = hetero_ == Reduce::kMean ? 1.0f / static_cast<float>(group.edges.size()) : 1.0f;
  step.pool.for_chunks(context.targets[type], kTileRows, [&](int64_t begin, int64_t end) {
    const Matrix out = group.output.slice(begin, end);
    for (int64_t i = 0; i < out.rows; ++i) std::copy(bias, bias + channels_, out.row(i));
    gemm(context.inputs[type].slice(begin, end), group.root, out, GemmMode::kAccumulate);
    for (size_t e : group.edges) {
      const EdgeState& state = context.edges[e];
      if (!state.active) continue;
      const ConstMatrix source = context.inputs[static_cast<size_t>(edge_types_[e].source)];
      if (conv_ == Reduce::kMax)
        segment_max(edges[e].by_target, source, begin, end, state.aggregated, state.ties);
      else
        segment_sum(edges[e].by_target, state.inverse_degree, source, begin, end, SegmentMode::kOverwrite,
                    state.aggregated);
      gemm(state.aggregated.slice(begin, end), state.neighbour, out, GemmMode::kAccumulate);
    }
    if (scale != 1.0f)
      for (int64_t i = 0; i < out.size(); ++i) out.data[i] *= scale;
  });
}

void HeteroConv::combine_groups(Step& step, size_t type, Context& context) const {
  const std::vector<Group>& groups = context.groups[type];
  if (groups.size() == 1) {
    context.outputs[type] = groups[0].output;
    return;
  }
  const int64_t size = context.targets[type] * channels_;
  context.outputs[type] = new_matrix(step.arena, context.targets[type], channels_);
  context.winner[type] = step.arena.allocate<int32_t>(size);
  for (int64_t i = 0; i < size; ++i) {
    size_t best = 0;
    for (size_t g = 1; g < groups.size(); ++g)
      if (groups[g].output.data[i] > groups[best].output.data[i]) best = g;
    context.outputs[type].data[i] = groups[best].output.data[i];
    context.winner[type][i] = static_cast<int32_t>(best);
  }
}

// ---- backward

void HeteroConv::backward(Step& step, const Context& context, const std::vector<ConvEdges>& edges,
                          const std::vector<Matrix>& doutputs, const std::vector<Matrix>& dinputs) const {
  for (size_t t = 0; t < incoming_.size(); ++t) {
    if (incoming_[t].empty() || context.targets[t] == 0) continue;
    const std::vector<Matrix> dgroups = split_gradient(step, context, t, doutputs[t]);
    for (size_t g = 0; g < dgroups.size(); ++g)
      backward_group(step, context, edges, t, context.groups[t][g], dgroups[g], dinputs);
  }
}

std::vector<Matrix> HeteroConv::split_gradient(Step& step, const Context& context, size_t type,
                                               Matrix doutput) const {
  const size_t groups = context.groups[type].size();
  if (groups == 1) {
    if (hetero_ == Reduce::kMean) {
      const float scale = 1.0f / static_cast<float>(incoming_[type].size());
      for (int64_t i = 0; i < doutput.size(); ++i) doutput.data[i] *= scale;
    }
    return {doutput};
  }
  std::vector<Matrix> out;
  for (size_t g = 0; g < groups; ++g) out.push_back(new_zero_matrix(step.arena, doutput.rows, channels_));
  for (int64_t i = 0; i < doutput.size(); ++i)
    out[static_cast<size_t>(context.winner[type][i])].data[i] = doutput.data[i];
  return out;
}

void HeteroConv::group_gradients(Step& step, const Context& context, size_t type, const Group& group,
                                 ConstMatrix doutput) const {
  const int64_t square = channels_ * channels_;
  std::vector<size_t> active;
  for (size_t e : group.edges)
    if (context.edges[e].active) active.push_back(e);
  const int64_t size = square * static_cast<int64_t>(active.size() + 1) + channels_;
  float* sum = step.arena.allocate_zero<float>(size);
  reduce_slots(step, doutput.rows, size, sum, [&](int64_t begin, int64_t end, float* buffer) {
    for_tiles(begin, end, [&](int64_t first, int64_t last) {
      const ConstMatrix dy = doutput.slice(first, last);
      gemm_at_b(dy, context.inputs[type].slice(first, last), Matrix(buffer, channels_, channels_));
      for (size_t a = 0; a < active.size(); ++a)
        gemm_at_b(dy, context.edges[active[a]].aggregated.slice(first, last),
                  Matrix(buffer + static_cast<int64_t>(a + 1) * square, channels_, channels_));
      add_column_sums(dy, buffer + size - channels_);
    });
  });
  const auto add = [](const float* from, int64_t count, float* to) {
    for (int64_t i = 0; i < count; ++i) to[i] += from[i];
  };
  for (size_t e : group.edges) {
    add(sum, square, step.gradient(parameters_[e].root_weight));
    add(sum + size - channels_, channels_, step.gradient(parameters_[e].neighbour_bias));
  }
  for (size_t a = 0; a < active.size(); ++a)
    add(sum + static_cast<int64_t>(a + 1) * square, square,
        step.gradient(parameters_[active[a]].neighbour_weight));
}

void HeteroConv::backward_group(Step& step, const Context& context, const std::vector<ConvEdges>& edges,
                                size_t type, const Group& group, ConstMatrix doutput,
                                const std::vector<Matrix>& dinputs) const {
  group_gradients(step, context, type, group, doutput);
  parallel_gemm(step, doutput, pack(group.root_weight, step.arena), dinputs[type].slice(0, doutput.rows),
                GemmMode::kAccumulate);
  for (size_t e : group.edges)
    if (context.edges[e].active)
      backward_edge(step, context, edges[e], e, doutput, dinputs[static_cast<size_t>(edge_types_[e].source)]);
}

void HeteroConv::backward_edge(Step& step, const Context& context, const ConvEdges& edges, size_t e,
                               ConstMatrix doutput, Matrix dsource) const {
  const EdgeState& state = context.edges[e];
  const Matrix daggregated = new_matrix(step.arena, doutput.rows, channels_);
  const ConstMatrix weight = step.weight(parameters_[e].neighbour_weight, channels_, channels_);
  parallel_gemm(step, doutput, pack(weight, step.arena), daggregated, GemmMode::kOverwrite);
  const ConstMatrix source = context.inputs[static_cast<size_t>(edge_types_[e].source)];
  step.pool.for_chunks(dsource.rows, kTileRows, [&](int64_t begin, int64_t end) {
    if (conv_ == Reduce::kMax)
      segment_max_backward(edges.by_source, doutput.rows, source, state.aggregated, state.ties, daggregated,
                           begin, end, dsource);
    else
      segment_sum_backward(edges.by_source, doutput.rows, state.inverse_degree, daggregated, begin, end,
                           dsource);
  });
}

}  // namespace rle
