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

bool is_matrix(const NodeVectors& vectors) {
  return vectors.parts.size() == 1 && vectors.parts[0].index == nullptr && vectors.parts[0].map == nullptr;
}

// Zero where nothing was added.
Matrix finished(const PartGradient& gradient) {
  if (!gradient.started) std::fill(gradient.data.data, gradient.data.data + gradient.data.size(), 0.0f);
  return gradient.data;
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

void Pass::plan_readout(bool seeds, bool targets) {
  reads_seeds_ = seeds;
  reads_all_.assign(modules_.layers.size() + 1, std::vector<uint8_t>(types(), 0));
  if (targets) reads_all_[0][definition_.target_type.index()] = 1;
  const bool far = seeds && input_.batch->bidirectional;  // seeds read nodes of any hop
  const auto read_whole = [&](const std::vector<uint8_t>& later, NodeTypeId type) {
    return later[type.index()] != 0 || (far && nodes(type.index()).hop_end[0] > 0);
  };
  for (size_t left = 1; left < reads_all_.size(); ++left) {
    reads_all_[left] = reads_all_[left - 1];
    for (const EdgeTypeInfo& edge : definition_.graph.edge_types)
      reads_all_[left][edge.source.index()] |= read_whole(reads_all_[left - 1], edge.target);
  }
}

int64_t Pass::nodes_within(size_t type, int64_t layers_left) const {
  if (!trims_ || reads_all_[static_cast<size_t>(layers_left)][type] != 0) return nodes(type).nodes();
  if (!reads_seeds_) return 0;
  const std::vector<int64_t>& hop_end = nodes(type).hop_end;
  const int64_t hops = static_cast<int64_t>(hop_end.size()) - 1;
  return hop_end[static_cast<size_t>(std::min(layers_left, hops))];
}

std::vector<NodeTypeId> Pass::seed_types() const {
  const NodeTypeId entity = definition_.entity_type, target = definition_.target_type;
  if (input_.batch->nodes[entity.index()].hop_end[0] == input_.batch->seeds) return {entity};
  return {entity, target};
}

// ---- forward

PassOutputs Pass::forward() {
  plan_readout(!modules_.seed_head.empty(), !modules_.target_head.empty());
  encode();
  PassOutputs out;
  if (!modules_.seed_head.empty()) {
    seed_vectors_ = read_seeds();
    step_.mark("message passing forward");
    seed_head_ = modules_.seed_head[0].forward(step_, seed_vectors_);
    out.seeds = seed_head_.output;
  }
  if (!modules_.target_head.empty()) {
    const ConstMatrix targets = read_targets();
    if (modules_.seed_head.empty()) step_.mark("message passing forward");
    target_head_ = modules_.target_head[0].forward(step_, targets);
    out.targets = target_head_.output;
  }
  return out;
}

ConstMatrix Pass::embed() {
  plan_readout(true, false);
  encode();
  return read_seeds();
}

void Pass::encode() {
  prepare_edges();
  if (definition_.config.gnn_norm == Norm::kInstance) prepare_seed_groups();
  encode_tables();
  step_.mark("encoder forward");
  encode_ages();
  step_.mark("temporal forward");
  if (definition_.config.conv_aggregation == Aggregation::kMax) expand_inputs();
  for (size_t l = 0; l < modules_.layers.size(); ++l) run_layer(l);
  const std::vector<NodeVectors>& last = vectors(layers_.size());
  read_.resize(types());
  for (size_t t = 0; t < types(); ++t)
    if (const int64_t read = nodes_within(t, 0); read > 0 && !is_matrix(last[t]))
      read_[t] = expand_nodes(step_, last[t], read);
}

ConstMatrix Pass::last_vectors(size_t type, int64_t count) const {
  const ConstMatrix all =
      read_[type].x.data != nullptr ? read_[type].x : vectors(layers_.size())[type].parts[0].values;
  return all.slice(0, count);
}

ConstMatrix Pass::read_seeds() {
  const std::vector<NodeTypeId> types = seed_types();
  if (types.size() == 1) return last_vectors(types[0].index(), input_.batch->seeds);
  const Matrix out = new_matrix(step_.arena, input_.batch->seeds, channels_);
  float* to = out.data;
  for (const NodeTypeId type : types) {
    const ConstMatrix from = last_vectors(type.index(), nodes(type.index()).hop_end[0]);
    to = std::copy(from.data, from.data + from.size(), to);
  }
  return out;
}

ConstMatrix Pass::read_targets() const {
  const size_t type = definition_.target_type.index();
  return last_vectors(type, nodes(type).nodes());
}

void Pass::prepare_edges() {
  for (const EdgeBlock& block : input_.batch->edges)
    edges_.push_back({{block.offsets.data(), block.source.data()}, block.edges()});
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

Matrix Pass::shallow_vectors(size_t type) const {
  const std::vector<NodeId>& ids = nodes(type).distinct;
  const ParameterId parameter = modules_.shallow[static_cast<size_t>(modules_.shallow_of[type])];
  std::vector<int32_t> read;
  for (NodeId id : ids)
    if (const NodeId row = shallow_row(type, id); row != kNoNode) read.push_back(static_cast<int32_t>(row));
  step_.touch(parameter, read);
  const Matrix out = new_zero_matrix(step_.arena, static_cast<int64_t>(ids.size()), channels_);
  const float* weight = step_.value(parameter);
  for (size_t i = 0; i < ids.size(); ++i) {
    const NodeId from = shallow_row(type, ids[i]);
    if (from == kNoNode) continue;
    const float* row = weight + int64_t{from} * channels_;
    std::copy(row, row + channels_, out.row(static_cast<int64_t>(i)));
  }
  return out;
}

bool Pass::marks_seeds(size_t type) const {
  return !modules_.id_awareness.empty() && nodes(type).hop_end[0] > 0;
}

NodePart Pass::seed_mark(size_t type) const {
  const Matrix values = new_zero_matrix(step_.arena, 2, channels_);
  const float* mark = step_.value(modules_.id_awareness[0]);
  std::copy(mark, mark + channels_, values.row(1));
  int32_t* index = step_.arena.allocate<int32_t>(nodes(type).nodes());
  const int64_t seeds = nodes(type).hop_end[0];
  for (int64_t i = 0; i < nodes(type).nodes(); ++i) index[i] = i < seeds;
  return {values, index};
}

void Pass::encode_ages() {
  for (size_t t = 0; t < types(); ++t) {
    const NodeBlock& block = nodes(t);
    NodeVectors& vectors = inputs_.emplace_back();
    vectors.nodes = block.nodes();
    vectors.parts.push_back({encoded_[t].output, block.row.data(), &modules_.encoders[t].output_map()});
    if (modules_.shallow_of[t] >= 0) vectors.parts.push_back({shallow_vectors(t), block.row.data()});
    if (marks_seeds(t)) vectors.parts.push_back(seed_mark(t));
    if (modules_.temporal_of[t] < 0 || block.delta.empty()) continue;
    const TemporalEncoder& temporal = modules_.temporal[static_cast<size_t>(modules_.temporal_of[t])];
    const Matrix ages =
        temporal.encode(step_, block.delta_s.data(), static_cast<int64_t>(block.delta_s.size()));
    vectors.parts.push_back({ages, block.delta.data(), &temporal.map(), block.delta_s.data(), true});
  }
}

void Pass::expand_inputs() {
  const int64_t layers = static_cast<int64_t>(modules_.layers.size());
  for (size_t t = 0; t < types(); ++t) {
    expanded_.push_back(expand_nodes(step_, inputs_[t], nodes_within(t, layers)));
    inputs_[t] = expanded_[t].vectors();
  }
}

void Pass::run_layer(size_t l) {
  const Modules::Layer& layer = modules_.layers[l];
  const std::vector<NodeVectors>& inputs = vectors(l);
  const int64_t left = static_cast<int64_t>(modules_.layers.size() - l) - 1;
  std::vector<int64_t> targets;
  LayerState state;
  state.norms.resize(types());
  for (size_t t = 0; t < types(); ++t) {
    targets.push_back(nodes_within(t, left));
    const Csr groups = seed_groups_.empty() ? Csr{} : seed_groups_[t];
    if (layer.conv.has_incoming(static_cast<int64_t>(t)))
      state.norms[t] = layer.norms[t].start(step_, targets[t], groups, input_.batch->seeds);
  }
  state.conv = layer.conv.forward(step_, inputs, edges_, targets,
                                  [&](size_t t, int64_t begin, int64_t end, Matrix tile) {
                                    if (layer.norms[t].by_row())
                                      layer.norms[t].normalise_tile(step_, state.norms[t], begin, end, tile);
                                  });
  for (size_t t = 0; t < types(); ++t) {
    if (!layer.conv.has_incoming(static_cast<int64_t>(t))) {
      state.outputs.push_back(inputs[t]);  // keeps its vectors
      state.outputs[t].nodes = targets[t];
      continue;
    }
    const Matrix output = state.conv.outputs[t];
    if (!layer.norms[t].by_row()) layer.norms[t].normalise(step_, output, output, state.norms[t]);
    state.outputs.push_back({targets[t], {{output}}});
  }
  layers_.push_back(std::move(state));
}

// ---- backward

void Pass::backward(const PassOutputs& doutputs) {
  std::vector<NodeGradients> gradients = new_gradients(vectors(layers_.size()));
  if (doutputs.targets.data != nullptr)
    add_to_last(definition_.target_type.index(),
                modules_.target_head[0].backward(step_, target_head_, doutputs.targets), gradients);
  if (doutputs.seeds.data != nullptr)
    backward_seeds(modules_.seed_head[0].backward(step_, seed_head_, doutputs.seeds), gradients);
  for (size_t l = layers_.size(); l-- > 0;) backward_layer(l, gradients);
  backward_inputs(gradients);
  step_.mark("message passing backward");
  backward_encoders(gradients);
  step_.mark("encoder backward");
}

std::vector<NodeGradients> Pass::new_gradients(const std::vector<NodeVectors>& vectors) const {
  std::vector<NodeGradients> out(vectors.size());
  for (size_t t = 0; t < vectors.size(); ++t)
    for (const NodePart& part : vectors[t].parts)
      out[t].push_back(
          {part.constant ? Matrix() : new_matrix(step_.arena, part.values.rows, channels_), false});
  return out;
}

void Pass::add_to_last(size_t type, ConstMatrix d, std::vector<NodeGradients>& gradients) {
  if (d.rows == 0) return;
  if (read_[type].x.data != nullptr) {
    const Matrix all = new_zero_matrix(step_.arena, read_[type].x.rows, d.cols);
    std::copy(d.data, d.data + d.size(), all.data);
    return expand_nodes_backward(step_, read_[type], all, gradients[type]);
  }
  PartGradient& gradient = gradients[type][0];
  const Matrix out = finished(gradient);
  for (int64_t i = 0; i < d.size(); ++i) out.data[i] += d.data[i];
  gradient.started = true;
}

void Pass::backward_seeds(ConstMatrix dseeds, std::vector<NodeGradients>& gradients) {
  int64_t begin = 0;
  for (const NodeTypeId type : seed_types()) {
    const int64_t end = begin + nodes(type.index()).hop_end[0];
    add_to_last(type.index(), dseeds.slice(begin, end), gradients);
    begin = end;
  }
}

void Pass::backward_layer(size_t l, std::vector<NodeGradients>& gradients) {
  const Modules::Layer& layer = modules_.layers[l];
  std::vector<NodeGradients> dinputs = new_gradients(vectors(l));
  std::vector<Matrix> doutputs(types());
  for (size_t t = 0; t < types(); ++t) {
    if (!layer.conv.has_incoming(static_cast<int64_t>(t))) {
      dinputs[t] = gradients[t];
      continue;
    }
    doutputs[t] = finished(gradients[t][0]);
    layer.norms[t].backward(step_, layers_[l].norms[t], doutputs[t], doutputs[t]);
  }
  layer.conv.backward(step_, layers_[l].conv, doutputs, dinputs);
  gradients = std::move(dinputs);
}

void Pass::backward_inputs(std::vector<NodeGradients>& gradients) {
  for (size_t t = 0; t < expanded_.size(); ++t) {
    NodeGradients parts = new_gradients({expanded_[t].from})[0];
    expand_nodes_backward(step_, expanded_[t], finished(gradients[t][0]), parts);
    gradients[t] = std::move(parts);
  }
  for (size_t t = 0; t < types(); ++t) {
    if (modules_.shallow_of[t] >= 0) backward_shallow(t, finished(gradients[t][1]));
    if (!marks_seeds(t)) continue;
    const float* mark = finished(gradients[t][modules_.shallow_of[t] >= 0 ? 2 : 1]).row(1);
    float* gradient = step_.gradient(modules_.id_awareness[0]);
    for (int64_t j = 0; j < channels_; ++j) gradient[j] += mark[j];
  }
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

void Pass::backward_encoders(const std::vector<NodeGradients>& gradients) {
  for (size_t t = 0; t < types(); ++t)
    modules_.encoders[t].prepare_backward(step_, encoded_[t], finished(gradients[t][0]));
  const std::vector<SlotWork> work = slot_work(encoded_);
  step_.pool.for_each(static_cast<int64_t>(work.size()), [&](int64_t i) {
    const SlotWork& item = work[static_cast<size_t>(i)];
    modules_.encoders[item.type].backward_slot(step_, encoded_[item.type], item.slot);
  });
  for (size_t t = 0; t < types(); ++t) modules_.encoders[t].finish_backward(step_, encoded_[t]);
}

std::string Pass::first_not_finite() const {
  const auto table = [&](size_t t) { return "'" + definition_.graph.node_types[t].name + "'"; };
  const auto finite = [&](const LinearParameters& map) {
    return all_finite(step_.weight(map.weight, channels_, channels_)) &&
           all_finite({step_.value(map.bias), 1, channels_});
  };
  for (size_t t = 0; t < types(); ++t)
    if (!all_finite(encoded_[t].output) || !finite(modules_.encoders[t].output_map()))
      return "encoder of table " + table(t);
  for (size_t t = 0; t < types(); ++t)
    if (modules_.temporal_of[t] >= 0 &&
        !finite(modules_.temporal[static_cast<size_t>(modules_.temporal_of[t])].map()))
      return "temporal encoder of table " + table(t);
  for (size_t l = 0; l < layers_.size(); ++l)
    for (size_t t = 0; t < types(); ++t)
      if (is_matrix(layers_[l].outputs[t]) && !all_finite(layers_[l].outputs[t].parts[0].values))
        return "message passing layer " + std::to_string(l + 1) + ", table " + table(t);
  if (!all_finite(seed_head_.output) || !all_finite(target_head_.output)) return "head";
  return "";
}

}  // namespace rle
