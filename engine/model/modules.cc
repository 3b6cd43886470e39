#include "model/pass.h"

#include <algorithm>

#include "base/error.h"
#include "model/table_values.h"

namespace rle {
namespace {

Reduce reduce_of(Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::kMean:
      return Reduce::kMean;
    case Aggregation::kMax:
      return Reduce::kMax;
    default:
      return Reduce::kSum;
  }
}

NormKind norm_kind(Norm norm) {
  switch (norm) {
    case Norm::kBatch:
      return NormKind::kBatch;
    case Norm::kInstance:
      return NormKind::kInstance;
    default:
      return NormKind::kLayer;
  }
}

std::vector<ConvEdgeType> conv_edge_types(const GraphSchema& graph) {
  std::vector<ConvEdgeType> out;
  for (const EdgeTypeInfo& edge : graph.edge_types)
    out.push_back({graph.node_types[edge.source.index()].name + "." + edge.name + "." +
                       graph.node_types[edge.target.index()].name,
                   edge.source.value, edge.target.value});
  return out;
}

}  // namespace

Modules::Modules(const ModelDefinition& definition, ParameterStore& parameters) {
  const ModelConfig& config = definition.config;
  add_heads(definition, parameters);
  if (config.id_awareness)
    id_awareness.push_back(
        parameters.add("id_awareness.weight", {1, config.channels}, {Init::Kind::kNormal, 1.0}));
  const std::vector<NodeTypeInfo>& types = definition.graph.node_types;
  RLE_CHECK(definition.statistics.size() == types.size() && config.channels >= 2 && config.channels % 2 == 0);
  for (size_t t = 0; t < types.size(); ++t) {
    encoders.emplace_back(parameters, "encoder." + types[t].name, column_shapes(definition.statistics[t]),
                          config.channels, config.encoder_blocks, static_cast<float>(config.dropout));
    const bool timed = types[t].has_time && definition.task_has_time && config.use_temporal_encoder;
    temporal_of.push_back(timed ? static_cast<int>(temporal.size()) : -1);
    if (timed) temporal.emplace_back(parameters, "temporal." + types[t].name, config.channels);
    const bool own = std::find(config.shallow_embeddings.begin(), config.shallow_embeddings.end(),
                               types[t].name) != config.shallow_embeddings.end();
    shallow_of.push_back(own ? static_cast<int>(shallow.size()) : -1);
    // Rows that training never reaches keep their initial values, as in the reference (std 0.1).
    if (own)
      shallow.push_back(parameters.add_rows("shallow." + types[t].name + ".weight",
                                            {types[t].nodes, config.channels}, {Init::Kind::kNormal, 0.1}));
  }
  for (int64_t l = 0; l < config.gnn_layers; ++l) {
    const std::string prefix = "gnn." + std::to_string(l);
    Layer layer{HeteroConv(parameters, prefix, conv_edge_types(definition.graph),
                           static_cast<int64_t>(types.size()), config.channels,
                           reduce_of(config.conv_aggregation), reduce_of(config.hetero_conv_aggregation)),
                {}};
    for (const NodeTypeInfo& type : types)
      layer.norms.emplace_back(parameters, prefix + ".norm." + type.name, norm_kind(config.gnn_norm),
                               config.channels);
    layers.push_back(std::move(layer));
  }
}

int64_t seed_outputs(const ModelDefinition& definition) {
  switch (definition.readout) {
    case Readout::kTowers:
      return definition.config.channels;
    case Readout::kFusion:
      return definition.config.channels + 1;
    default:
      return definition.outputs;
  }
}

int64_t embedding_width(const ModelDefinition& definition) {
  return has_towers(definition.readout) ? seed_outputs(definition) : definition.config.channels;
}

void Modules::add_heads(const ModelDefinition& definition, ParameterStore& parameters) {
  const ModelConfig& config = definition.config;
  const auto add = [&](std::vector<MlpHead>& heads, const char* name, int64_t outputs) {
    heads.emplace_back(parameters, name, config.channels, outputs, config.head_layers,
                       norm_kind(config.head_norm));
  };
  if (definition.readout != Readout::kTargets) add(seed_head, "head", seed_outputs(definition));
  if (definition.readout == Readout::kTargets) add(target_head, "head", 1);
  if (definition.readout == Readout::kFusion) add(target_head, "target_head", 1);
}

}  // namespace rle
