#include "bench/cost_model.h"

#include <algorithm>

#include "base/error.h"

namespace rle {
namespace {

constexpr double kCalendarWidth = 56;  // a datetime's encoding (docs/model.md, column encoders)
constexpr double kValueBytes = 4;

double count(size_t size) { return static_cast<double>(size); }

// A map of vectors as wide as the channels, per row.
double map_flop(double channels) { return 2 * channels * channels; }

// Operations of products in the model's precision (nn/step.h).
Cost products(double flop, const ModelConfig& config, double bytes) {
  return config.precision == Precision::kBf16 ? Cost{0, bytes, flop} : Cost{flop, bytes};
}

void add(const Cost& other, Cost& sum) {
  sum.flop += other.flop;
  sum.bytes += other.bytes;
  sum.bf16_flop += other.bf16_flop;
}

struct EncoderCost {
  Cost gather, forward, backward;
};

// One table's encoder on its distinct rows, first maps folded into the columns, the last one into message
// passing. `sides`: the first block's lin1 and shortcut.
EncoderCost encoder_cost(const TableStatistics& table, const FeatureRows& features, double rows,
                         const ModelConfig& config) {
  const auto channels = static_cast<double>(config.channels);
  const auto blocks = static_cast<double>(config.encoder_blocks);
  const double sides = blocks == 0 ? 1 : 2;
  double width = table.columns.empty() ? 1 : 0;  // of the product with numbers and embeddings
  double distinct_flop = 0, feature_bytes = 0;   // of the products per distinct value
  for (size_t c = 0; c < table.columns.size(); ++c) {
    const ColumnRows& column = features.columns[c];
    feature_bytes += kValueBytes;
    switch (table.columns[c].dtype) {
      case Dtype::kCategory:
        distinct_flop += count(column.category.distinct.size()) * sides * map_flop(channels);
        break;
      case Dtype::kMultiCategorical:
        distinct_flop += count(column.multi_category.distinct.size()) * sides * map_flop(channels);
        break;
      case Dtype::kDatetime:
        distinct_flop += count(column.datetime.parts.size()) / 7 *
                         (2 * kCalendarWidth * channels + sides * map_flop(channels));
        break;
      case Dtype::kEmbedding:
        width += static_cast<double>(table.columns[c].dimension) + 1;
        feature_bytes += kValueBytes * static_cast<double>(table.columns[c].dimension);
        break;
      default:
        width += 2;  // the value, and whether there is one
        feature_bytes += kValueBytes;
    }
  }
  const double dense_flop = rows * 2 * width * channels * sides;
  const double maps_flop = rows * std::max(0.0, 2 * blocks - 1) * map_flop(channels);
  EncoderCost cost;
  cost.gather.bytes = 2 * rows * feature_bytes;
  cost.forward = products(maps_flop, config, rows * (feature_bytes + kValueBytes * channels));
  cost.forward.flop += dense_flop + distinct_flop;
  cost.backward = products(2 * maps_flop, config, cost.forward.bytes);
  cost.backward.flop += dense_flop + 2 * distinct_flop;
  return cost;
}

// The first `targets` of an edge type's targets: how many have an edge, and how many edges.
struct Incoming {
  double targets = 0, edges = 0;
};

Incoming incoming(const EdgeBlock& block, int64_t targets) {
  Incoming found;
  for (size_t i = 0; i < static_cast<size_t>(targets); ++i)
    if (block.offsets[i + 1] > block.offsets[i]) found.targets += 1;
  found.edges = targets == 0 ? 0 : block.offsets[static_cast<size_t>(targets)];
  return found;
}

class ConvCosts {
 public:
  ConvCosts(const ModelDefinition& definition, const Batch& batch) : definition_(definition), batch_(batch) {}

  // All layers, forward, as if in fp32; the backward pass needs twice the products and as many bytes.
  Cost forward() const {
    Cost cost;
    const auto layers = static_cast<int64_t>(batch_.nodes[0].hop_end.size()) - 1;
    for (int64_t layer = 0; layer < layers; ++layer) add_layer(layer, layers - 1 - layer, cost);
    return cost;
  }

 private:
  void add_layer(int64_t layer, int64_t hops_left, Cost& cost) const {
    const auto channels = static_cast<double>(definition_.config.channels);
    const auto& types = definition_.graph.edge_types;
    std::vector<bool> entered(batch_.nodes.size(), false);
    for (size_t e = 0; e < types.size(); ++e) {
      const NodeBlock& sources = batch_.nodes[types[e].source.index()];
      const size_t target = types[e].target.index();
      entered[target] = true;
      const Incoming in =
          incoming(batch_.edges[e], batch_.nodes[target].hop_end[static_cast<size_t>(hops_left)]);
      const double parts = count(sources.distinct.size()) + count(sources.delta_s.size());
      const bool linear = definition_.config.conv_aggregation != Aggregation::kMax;
      const double products = layer == 0 && linear ? std::min(in.targets, parts) : in.targets;
      const double vectors = layer == 0 && !sources.delta.empty() ? 2 : 1;  // of a row, of an age
      cost.flop += products * map_flop(channels);
      cost.bytes += kValueBytes * channels * (in.edges * vectors + in.targets);
    }
    for (size_t t = 0; t < entered.size(); ++t) {
      const auto targets = static_cast<double>(batch_.nodes[t].hop_end[static_cast<size_t>(hops_left)]);
      if (entered[t]) cost.flop += targets * map_flop(channels);
      if (entered[t]) cost.bytes += 2 * kValueBytes * channels * targets;
    }
  }

  const ModelDefinition& definition_;
  const Batch& batch_;
};

}  // namespace

StepCosts step_costs(const ModelDefinition& definition, const ModelInput& input, int64_t parameters) {
  const Batch& batch = *input.batch;
  if (batch.bidirectional)
    fail(ErrorCode::kSpec,
         "--cost counts what layers of directional subgraphs compute; set config.subgraph_type to "
         "directional");
  const auto channels = static_cast<double>(definition.config.channels);
  Cost read, gather, encoder, encoder_back, ages_encoded;
  double age_maps = 0;  // flop
  for (size_t t = 0; t < batch.nodes.size(); ++t) {
    const NodeBlock& nodes = batch.nodes[t];
    const double rows = count(nodes.distinct.size()), ages = count(nodes.delta_s.size());
    const EncoderCost table =
        encoder_cost(definition.statistics[t], (*input.features)[t], rows, definition.config);
    gather.bytes += table.gather.bytes;
    add(table.forward, encoder);
    add(table.backward, encoder_back);
    ages_encoded.bytes += ages * channels * kValueBytes;
    age_maps += ages * map_flop(channels);
    read.bytes += 2 * 2 * kValueBytes * static_cast<double>(nodes.nodes());
  }
  for (const EdgeBlock& edges : batch.edges)
    read.bytes += 2 * 2 * kValueBytes * static_cast<double>(edges.edges());
  const Cost conv = ConvCosts(definition, batch).forward();
  const auto head =
      static_cast<double>(batch.seeds) * 3 * 2 * channels * static_cast<double>(definition.outputs);
  return {{"read batch file", read},
          {"feature gather", gather},
          {"encoder forward", encoder},
          {"temporal forward", ages_encoded},
          {"message passing forward", products(conv.flop + age_maps, definition.config, conv.bytes)},
          {"head and loss", {head, 0}},
          {"message passing backward", products(2 * conv.flop + age_maps, definition.config, conv.bytes)},
          {"encoder backward", encoder_back},
          {"optimizer", {0, 7 * kValueBytes * static_cast<double>(parameters)}}};
}

void add_costs(const StepCosts& other, StepCosts& sum) {
  if (sum.empty()) {
    sum = other;
    return;
  }
  RLE_CHECK(sum.size() == other.size());
  for (size_t i = 0; i < sum.size(); ++i) {
    RLE_CHECK(sum[i].first == other[i].first);
    add(other[i].second, sum[i].second);
  }
}

double least_seconds(const Cost& cost, const Peaks& peaks) {
  double products_s = cost.flop / (peaks.fp32_gflop_s * 1e9);
  if (cost.bf16_flop > 0) products_s += cost.bf16_flop / (peaks.bf16_gflop_s * 1e9);
  return std::max(products_s, cost.bytes / (peaks.copy_gb_s * 1e9));
}

}  // namespace rle
