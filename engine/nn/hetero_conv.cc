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

HeteroConv::Context HeteroConv::forward(Step& step, const std::vector<NodeVectors>& inputs,
                                        const std::vector<ConvEdges>& edges,
                                        const std::vector<int64_t>& targets, const TileDone& done) const {
  Context context;
  context.terms.channels = channels_;
  for (const NodeVectors& vectors : inputs) {
    std::vector<ConvPart>& parts = context.terms.parts.emplace_back();
    for (const NodePart& part : vectors.parts) parts.emplace_back().part = part;
  }
  context.groups.resize(incoming_.size());
  context.outputs.resize(incoming_.size());
  context.winner.resize(incoming_.size());
  for (size_t t = 0; t < incoming_.size(); ++t) {
    if (incoming_[t].empty()) continue;
    const bool apart = hetero_ == Reduce::kMax;
    for (size_t i = 0; i < (apart ? incoming_[t].size() : 1); ++i)
      add_group(step, t, apart ? std::vector{incoming_[t][i]} : incoming_[t], edges, targets[t], context);
    const bool single = context.groups[t].size() == 1;
    context.outputs[t] = single ? context.terms.groups[context.groups[t][0]].output
                                : new_matrix(step.arena, targets[t], channels_);
    if (!single) context.winner[t] = step.arena.allocate<int32_t>(targets[t] * channels_);
  }
  choose_orders(step, context.terms);
  prepare_terms(step, context.terms);
  for (size_t t = 0; t < incoming_.size(); ++t)
    step.pool.for_chunks(incoming_[t].empty() ? 0 : targets[t], kTileRows, [&](int64_t begin, int64_t end) {
      for (size_t g : context.groups[t])
        forward_group_tile(context.terms, context.terms.groups[g], begin, end);
      if (context.groups[t].size() > 1) combine_groups(t, begin, end, context);
      if (done) done(t, begin, end, context.outputs[t].slice(begin, end));
    });
  return context;
}

void HeteroConv::add_group(Step& step, size_t type, std::vector<size_t> edge_types,
                           const std::vector<ConvEdges>& edges, int64_t targets, Context& context) const {
  const size_t g = context.terms.groups.size();
  context.groups[type].push_back(g);
  ConvGroup& group = context.terms.groups.emplace_back();
  group.type = type;
  group.edges = std::move(edge_types);
  group.targets = targets;
  if (hetero_ == Reduce::kMean) group.output_scale = 1.0f / static_cast<float>(group.edges.size());
  group.root = new_zero_matrix(step.arena, channels_, channels_);
  if (step.training) group.droot = new_zero_matrix(step.arena, channels_, channels_);
  group.bias = step.arena.allocate_zero<float>(channels_);
  group.output = new_matrix(step.arena, targets, channels_);
  if (targets == 0) return;
  std::vector<GroupEdge> group_edges;
  for (size_t e : group.edges) {
    const float* root = step.value(parameters_[e].root_weight);
    for (int64_t i = 0; i < group.root.size(); ++i) group.root.data[i] += root[i];
    const float* bias = step.value(parameters_[e].neighbour_bias);
    for (int64_t j = 0; j < channels_; ++j) group.bias[j] += bias[j];
    group_edges.push_back({&edges[e], static_cast<size_t>(edge_types_[e].source),
                           step.weight(parameters_[e].neighbour_weight, channels_, channels_),
                           step.weight_gradient(parameters_[e].neighbour_weight, channels_, channels_)});
  }
  add_group_terms(step, g, group_edges, conv_, context.terms);
}

void HeteroConv::combine_groups(size_t type, int64_t begin, int64_t end, const Context& context) const {
  const std::vector<size_t>& groups = context.groups[type];
  const auto output = [&](size_t g) { return context.terms.groups[groups[g]].output.data; };
  for (int64_t i = begin * channels_; i < end * channels_; ++i) {
    size_t best = 0;
    for (size_t g = 1; g < groups.size(); ++g)
      if (output(g)[i] > output(best)[i]) best = g;
    context.outputs[type].data[i] = output(best)[i];
    context.winner[type][i] = static_cast<int32_t>(best);
  }
}

// ---- backward

void HeteroConv::backward(Step& step, Context& context, const std::vector<Matrix>& doutputs,
                          std::vector<NodeGradients>& gradients) const {
  std::vector<Matrix> dz;  // per group; groups are in the order of their types
  for (size_t t = 0; t < incoming_.size(); ++t)
    if (!incoming_[t].empty()) split_gradient(step, context, t, doutputs[t], dz);
  backward_terms(step, context.terms, dz, gradients);
  for (const ConvGroup& group : context.terms.groups)
    if (group.targets > 0) add_group_gradients(step, group);
}

void HeteroConv::split_gradient(Step& step, const Context& context, size_t type, Matrix doutput,
                                std::vector<Matrix>& dz) const {
  const size_t groups = context.groups[type].size();
  if (groups == 1) {
    const float scale = context.terms.groups[context.groups[type][0]].output_scale;
    for (int64_t i = 0; scale != 1.0f && i < doutput.size(); ++i) doutput.data[i] *= scale;
    dz.push_back(doutput);
    return;
  }
  const size_t first = dz.size();
  for (size_t g = 0; g < groups; ++g) dz.push_back(new_zero_matrix(step.arena, doutput.rows, channels_));
  for (int64_t i = 0; i < doutput.size(); ++i)
    dz[first + static_cast<size_t>(context.winner[type][i])].data[i] = doutput.data[i];
}

void HeteroConv::add_group_gradients(Step& step, const ConvGroup& group) const {
  for (size_t e : group.edges) {
    float* root = step.gradient(parameters_[e].root_weight);
    for (int64_t i = 0; i < group.droot.size(); ++i) root[i] += group.droot.data[i];
    float* bias = step.gradient(parameters_[e].neighbour_bias);
    for (int64_t j = 0; j < channels_; ++j) bias[j] += group.dbias[j];
  }
}

}  // namespace rle
