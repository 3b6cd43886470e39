#include "model/pass.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "kernel/segment.h"
#include "model/table_values.h"

namespace rle {
namespace {

bool all_finite(ConstMatrix m) {
  return std::all_of(m.data, m.data + m.size(), [](float x) { return std::isfinite(x); });
}

// Work items of several tables, the largest tables first, so that threads end together.
struct SlotWork {
  size_t type;
  int64_t slot;
};

std::vector<SlotWork> slot_work(const std::vector<TableEncoder::Context>& tables) {
  std::vector<SlotWork> work;
  for (size_t t = 0; t < tables.size(); ++t)
    for (int64_t s = 0; s < tables[t].slots.count; ++s) work.push_back({t, s});
  std::stable_sort(work.begin(), work.end(), [&](const SlotWork& a, const SlotWork& b) {
    return tables[a.type].slots.rows_per_slot > tables[b.type].slots.rows_per_slot;
  });
  return work;
}

}  // namespace

Pass::Pass(const ModelDefinition& definition, const Modules& modules, const ModelInput& input, Step& step)
    : definition_(definition),
      modules_(modules),
      input_(input),
      step_(step),
      channels_(definition.config.channels),
      trims_(definition.config.gnn_norm == Norm::kLayer) {
  RLE_CHECK(input.batch->nodes.size() == types() && input.features->size() == types());
  RLE_CHECK(input.shallow_rows == nullptr || input.shallow_rows->size() == types());
}

int64_t Pass::nodes_within(size_t type, int64_t layers_left) const {
  const std::vector<int64_t>& hop_end = nodes(type).hop_end;
  const int64_t hops = static_cast<int64_t>(hop_end.size()) - 1;
  return trims_ ? hop_end[static_cast<size_t>(std::min(layers_left, hops))] : nodes(type).nodes();
}

ConstMatrix Pass::seed_vectors() const {
  const size_t entity = definition_.entity_type.index();
  const ConstMatrix last = layers_.empty() ? inputs_[entity] : layers_.back().outputs[entity];
  return last.slice(0, input_.batch->seeds);
}

// ---- forward

Matrix Pass::forward() {
  prepare_edges();
  if (definition_.config.gnn_norm == Norm::kInstance) prepare_seed_groups();
  encode_tables();
  step_.mark("encoder forward");
  expand_nodes();
  step_.mark("temporal forward");
  for (size_t l = 0; l < modules_.layers.size(); ++l) run_layer(l);
  step_.mark("message passing forward");
  head_ = modules_.head.forward(step_, seed_vectors());
  return head_.output;
}

void Pass::prepare_edges() {
  const std::vector<EdgeTypeInfo>& edge_types = definition_.graph.edge_types;
  for (size_t e = 0; e < edge_types.size(); ++e) {
    const EdgeBlock& block = input_.batch->edges[e];
    ConvEdges edges;
    edges.count = block.edges();
    edges.by_target = {block.offsets.data(), block.source.data()};
    if (step_.training && edges.count > 0)
      edges.by_source = transpose(edges.by_target, nodes(edge_types[e].target.index()).nodes(),
                                  nodes(edge_types[e].source.index()).nodes(), step_.arena);
    edges_.push_back(edges);
  }
}

void Pass::prepare_seed_groups() {
  for (size_t t = 0; t < types(); ++t)
    seed_groups_.push_back(
        transpose_gather(nodes(t).seed.data(), nodes(t).nodes(), input_.batch->seeds, step_.arena));
}

void Pass::encode_tables() {
  for (size_t t = 0; t < types(); ++t)
    encoded_.push_back(modules_.encoders[t].prepare(
        step_,
        table_values(definition_.statistics[t], (*input_.features)[t], nodes(t).distinct, step_.arena)));
  const std::vector<SlotWork> work = slot_work(encoded_);
  step_.pool.for_each(static_cast<int64_t>(work.size()), [&](int64_t i) {
    const SlotWork& item = work[static_cast<size_t>(i)];
    modules_.encoders[item.type].forward_slot(step_, encoded_[item.type], item.slot);
  });
}

NodeId Pass::shallow_row(size_t type, NodeId node) const {
  NodeId row = node;
  if (input_.shallow_rows != nullptr && !(*input_.shallow_rows)[type].empty()) {
    const std::vector<NodeId>& rows = (*input_.shallow_rows)[type];
    RLE_CHECK(node < rows.size());
    row = rows[node];
  }
  RLE_CHECK(row == kNoNode || int64_t{row} < definition_.graph.node_types[type].nodes);
  return row;
}

void Pass::add_shallow(size_t type) {
  const std::vector<NodeId>& ids = nodes(type).distinct;
  const float* weight = step_.value(modules_.shallow[static_cast<size_t>(modules_.shallow_of[type])]);
  for (size_t i = 0; i < ids.size(); ++i) {
    const NodeId from = shallow_row(type, ids[i]);
    if (from == kNoNode) continue;
    float* row = encoded_[type].output.row(static_cast<int64_t>(i));
    for (int64_t j = 0; j < channels_; ++j) row[j] += weight[int64_t{from} * channels_ + j];
  }
}

void Pass::expand_nodes() {
  temporal_.resize(types());
  for (size_t t = 0; t < types(); ++t) {
    const NodeBlock& block = nodes(t);
    if (modules_.shallow_of[t] >= 0) add_shallow(t);
    const bool timed = modules_.temporal_of[t] >= 0 && !block.delta.empty();
    if (timed)
      temporal_[t] = modules_.temporal[static_cast<size_t>(modules_.temporal_of[t])].forward(
          step_, block.delta_s.data(), static_cast<int64_t>(block.delta_s.size()));
    const Matrix x =
        new_matrix(step_.arena, nodes_within(t, static_cast<int64_t>(modules_.layers.size())), channels_);
    step_.pool.for_chunks(x.rows, kTileRows, [&](int64_t begin, int64_t end) {
      gather_rows(block.row.data(), encoded_[t].output, begin, end, SegmentMode::kOverwrite, x);
      if (timed)
        gather_rows(block.delta.data(), temporal_[t].output, begin, end, SegmentMode::kAccumulate, x);
    });
    inputs_.push_back(x);
  }
}

void Pass::run_layer(size_t l) {
  const std::vector<ConstMatrix>& inputs = l == 0 ? inputs_ : layers_[l - 1].outputs;
  const int64_t left = static_cast<int64_t>(modules_.layers.size() - l) - 1;
  std::vector<int64_t> targets;
  for (size_t t = 0; t < types(); ++t) targets.push_back(nodes_within(t, left));
  LayerState state;
  state.conv = modules_.layers[l].conv.forward(step_, inputs, edges_, targets);
  state.norms.resize(types());
  for (size_t t = 0; t < types(); ++t) {
    if (!modules_.layers[l].conv.has_incoming(static_cast<int64_t>(t))) {
      state.outputs.push_back(inputs[t].slice(0, targets[t]));  // keeps its vector
      continue;
    }
    const Csr groups = seed_groups_.empty() ? Csr{} : seed_groups_[t];
    state.norms[t] =
        modules_.layers[l].norms[t].forward(step_, state.conv.outputs[t], groups, input_.batch->seeds);
    state.outputs.push_back(state.norms[t].output);
  }
  layers_.push_back(std::move(state));
}

// ---- backward

void Pass::backward(Matrix doutput) {
  const Matrix dseeds = modules_.head.backward(step_, head_, doutput);
  const std::vector<ConstMatrix>& last = layers_.empty() ? inputs_ : layers_.back().outputs;
  std::vector<Matrix> gradients;
  for (size_t t = 0; t < types(); ++t)
    gradients.push_back(new_zero_matrix(step_.arena, last[t].rows, channels_));
  std::copy(dseeds.data, dseeds.data + dseeds.size(), gradients[definition_.entity_type.index()].data);
  for (size_t l = layers_.size(); l-- > 0;) backward_layer(l, gradients);
  step_.mark("message passing backward");
  for (size_t t = 0; t < types(); ++t) backward_nodes(t, gradients[t]);
  step_.mark("temporal backward");
  backward_encoders();
  step_.mark("encoder backward");
}

void Pass::backward_layer(size_t l, std::vector<Matrix>& gradients) {
  const std::vector<ConstMatrix>& inputs = l == 0 ? inputs_ : layers_[l - 1].outputs;
  const Modules::Layer& layer = modules_.layers[l];
  std::vector<Matrix> dinputs;
  for (size_t t = 0; t < types(); ++t) {
    dinputs.push_back(new_zero_matrix(step_.arena, inputs[t].rows, channels_));
    if (layer.conv.has_incoming(static_cast<int64_t>(t)))
      layer.norms[t].backward(step_, layers_[l].norms[t], gradients[t], gradients[t]);
    else
      std::copy(gradients[t].data, gradients[t].data + gradients[t].size(), dinputs[t].data);
  }
  layer.conv.backward(step_, layers_[l].conv, edges_, gradients, dinputs);
  gradients = std::move(dinputs);
}

void Pass::backward_nodes(size_t t, Matrix dx) {
  const NodeBlock& block = nodes(t);
  const int64_t distinct = static_cast<int64_t>(block.distinct.size());
  const Matrix drows = new_matrix(step_.arena, distinct, channels_);
  const Csr by_row = transpose_gather(block.row.data(), dx.rows, distinct, step_.arena);
  step_.pool.for_chunks(distinct, kTileRows / 4, [&](int64_t begin, int64_t end) {
    segment_sum(by_row, nullptr, dx, begin, end, SegmentMode::kOverwrite, drows);
  });
  modules_.encoders[t].prepare_backward(step_, encoded_[t], drows);
  if (modules_.shallow_of[t] >= 0) backward_shallow(t, drows);
  if (modules_.temporal_of[t] < 0 || block.delta.empty()) return;
  const int64_t deltas = static_cast<int64_t>(block.delta_s.size());
  const Matrix dtime = new_matrix(step_.arena, deltas, channels_);
  const Csr by_delta = transpose_gather(block.delta.data(), dx.rows, deltas, step_.arena);
  step_.pool.for_chunks(deltas, kTileRows / 4, [&](int64_t begin, int64_t end) {
    segment_sum(by_delta, nullptr, dx, begin, end, SegmentMode::kOverwrite, dtime);
  });
  modules_.temporal[static_cast<size_t>(modules_.temporal_of[t])].backward(step_, temporal_[t], dtime);
}

void Pass::backward_shallow(size_t type, ConstMatrix drows) {
  const std::vector<NodeId>& ids = nodes(type).distinct;
  float* gradient = step_.gradient(modules_.shallow[static_cast<size_t>(modules_.shallow_of[type])]);
  for (size_t i = 0; i < ids.size(); ++i) {
    const NodeId to = shallow_row(type, ids[i]);
    if (to == kNoNode) continue;
    const float* row = drows.row(static_cast<int64_t>(i));
    for (int64_t j = 0; j < channels_; ++j) gradient[int64_t{to} * channels_ + j] += row[j];
  }
}

void Pass::backward_encoders() {
  const std::vector<SlotWork> work = slot_work(encoded_);
  step_.pool.for_each(static_cast<int64_t>(work.size()), [&](int64_t i) {
    const SlotWork& item = work[static_cast<size_t>(i)];
    modules_.encoders[item.type].backward_slot(step_, encoded_[item.type], item.slot);
  });
  for (size_t t = 0; t < types(); ++t) modules_.encoders[t].finish_backward(step_, encoded_[t]);
}

std::string Pass::first_not_finite() const {
  const auto table = [&](size_t t) { return "'" + definition_.graph.node_types[t].name + "'"; };
  for (size_t t = 0; t < types(); ++t)
    if (!all_finite(encoded_[t].output)) return "encoder of table " + table(t);
  for (size_t t = 0; t < types(); ++t)
    if (!all_finite(inputs_[t])) return "temporal encoder of table " + table(t);
  for (size_t l = 0; l < layers_.size(); ++l)
    for (size_t t = 0; t < types(); ++t)
      if (!all_finite(layers_[l].outputs[t]))
        return "message passing layer " + std::to_string(l + 1) + ", table " + table(t);
  if (!all_finite(head_.output)) return "head";
  return "";
}

}  // namespace rle
