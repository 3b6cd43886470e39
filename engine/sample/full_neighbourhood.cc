#include "sample/full_neighbourhood.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/time.h"

namespace rle {
namespace {

int64_t hop_begin(const NodeBlock& block, size_t hop) { return hop == 0 ? 0 : block.hop_end[hop - 1]; }

int64_t nodes_of(const Batch& batch) {
  int64_t nodes = 0;
  for (const NodeBlock& block : batch.nodes) nodes += block.nodes();
  return nodes;
}

void check_size(size_t size, std::string_view what, std::string_view name) {
  if (size > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
    fail(ErrorCode::kSpec,
         "exact inference reaches more than 2^31 - 1 {} of type '{}' at one time: use inference: sampled",
         what, name);
}

}  // namespace

FullNeighbourhood::FullNeighbourhood(const Graph& graph, int64_t hops, bool current_time)
    : graph_(graph), hops_(static_cast<size_t>(hops)), current_time_(current_time) {
  for (const NodeTypeInfo& info : graph.schema().node_types)
    place_.emplace_back(static_cast<size_t>(info.nodes), -1);
  rows_.resize(place_.size());
  ages_.resize(place_.size());
}

bool FullNeighbourhood::collect(NodeTypeId entity_type, const NodeId* nodes, int64_t count,
                                std::optional<int64_t> time_us, int64_t most_nodes, Batch& out) {
  out.seeds = count;
  out.bidirectional = false;
  out.nodes.resize(place_.size());
  out.edges.resize(graph_.schema().edge_types.size());
  for (NodeBlock& block : out.nodes) {
    block.row.clear();
    block.hop_end.clear();
  }
  for (EdgeBlock& block : out.edges) {
    block.offsets.assign(1, 0);
    block.source.clear();
  }
  graph_.seed_limits(time_us ? &*time_us : nullptr, 1, current_time_, limits_);
  std::vector<int32_t>& place = place_[entity_type.index()];
  for (int64_t s = 0; s < count; ++s) {
    RLE_CHECK(place[nodes[s]] < 0);
    place[nodes[s]] = static_cast<int32_t>(s);
    out.nodes[entity_type.index()].row.push_back(static_cast<int32_t>(nodes[s]));
  }
  for (NodeBlock& block : out.nodes) block.hop_end.push_back(block.nodes());
  bool fits = nodes_of(out) <= most_nodes;
  for (size_t hop = 0; fits && hop < hops_; ++hop) fits = expand(hop, most_nodes, out);
  forget(out);
  if (fits) finish(time_us, out);
  return fits;
}

bool FullNeighbourhood::expand(size_t hop, int64_t most_nodes, Batch& out) {
  const std::vector<EdgeTypeInfo>& edge_types = graph_.schema().edge_types;
  for (size_t e = 0; e < edge_types.size(); ++e) {
    const NodeBlock& targets = out.nodes[edge_types[e].target.index()];
    const int64_t begin = hop_begin(targets, hop), n = targets.hop_end[hop] - begin;
    if (n == 0) continue;
    if (zeros_.size() < static_cast<size_t>(n)) zeros_.resize(static_cast<size_t>(n), 0);
    const std::vector<NodeId> frontier(targets.row.begin() + begin,
                                       targets.row.begin() + targets.hop_end[hop]);
    graph_.sample({.edge_type = EdgeTypeId(static_cast<int32_t>(e)),
                   .fanout = std::numeric_limits<int64_t>::max(),
                   .strategy = TemporalStrategy::kLast,
                   .limits = &limits_,
                   .targets = frontier.data(),
                   .seed = zeros_.data(),
                   .n = n},
                  answer_);
    attach(EdgeTypeId(static_cast<int32_t>(e)), out);
    if (nodes_of(out) > most_nodes) return false;
  }
  for (NodeBlock& block : out.nodes) block.hop_end.push_back(block.nodes());
  return true;
}

void FullNeighbourhood::attach(EdgeTypeId edge_type, Batch& out) {
  const GraphSchema& schema = graph_.schema();
  const size_t type = schema.edge_types[edge_type.index()].source.index();
  EdgeBlock& edges = out.edges[edge_type.index()];
  std::vector<int32_t>& rows = out.nodes[type].row;
  std::vector<int32_t>& place = place_[type];
  const size_t before = edges.source.size();
  check_size(before + answer_.sources.size(), "edges", schema.edge_types[edge_type.index()].name);
  check_size(rows.size() + answer_.sources.size(), "nodes", schema.node_types[type].name);
  for (size_t i = 1; i < answer_.offsets.size(); ++i)
    edges.offsets.push_back(static_cast<int32_t>(before) + static_cast<int32_t>(answer_.offsets[i]));
  edges.source.resize(before + answer_.sources.size());
  for (size_t i = 0; i < answer_.sources.size(); ++i) {
    int32_t& at = place[answer_.sources[i]];
    if (at < 0) {
      at = static_cast<int32_t>(rows.size());
      rows.push_back(static_cast<int32_t>(answer_.sources[i]));
    }
    edges.source[before + i] = at;
  }
}

void FullNeighbourhood::forget(const Batch& out) {
  for (size_t type = 0; type < place_.size(); ++type)
    for (const int32_t row : out.nodes[type].row) place_[type][static_cast<NodeId>(row)] = -1;
}

void FullNeighbourhood::finish(std::optional<int64_t> time_us, Batch& out) {
  const GraphSchema& schema = graph_.schema();
  for (size_t type = 0; type < place_.size(); ++type) {
    NodeBlock& block = out.nodes[type];
    block.seed.assign(block.row.size(), 0);
    block.delta.clear();
    block.delta_s.clear();
    rows_[type].index(schema.node_types[type].nodes, block.row, block.distinct);
    if (schema.node_types[type].has_time && time_us)
      ages_[type].index(graph_, NodeTypeId(static_cast<int32_t>(type)), {floor_seconds(*time_us)}, block);
  }
  for (size_t e = 0; e < out.edges.size(); ++e)
    out.edges[e].offsets.resize(out.nodes[schema.edge_types[e].target.index()].row.size() + 1,
                                static_cast<int32_t>(out.edges[e].source.size()));
}

}  // namespace rle
