#include "sample/collate.h"

#include <algorithm>

#include "base/error.h"
#include "base/time.h"

namespace rle {
namespace {

int64_t hop_begin(const TreeNodes& nodes, size_t hop) { return hop == 0 ? 0 : nodes.hop_end[hop - 1]; }

void check_size(int64_t size, std::string_view what, std::string_view name) {
  if (size > INT32_MAX)
    fail(ErrorCode::kSpec,
         "a batch has {} {} of type '{}', more than 2^31 - 1: lower fanouts or the batch size", size, what,
         name);
}

}  // namespace

void Collator::collate(const Graph& graph, const Seeds& seeds, const std::vector<SeedTrees>& groups,
                       ThreadPool& pool, Batch& out) {
  const GraphSchema& schema = graph.schema();
  lay_out(schema, groups, out);
  pool.for_each(static_cast<int64_t>(groups.size()), [&](int64_t g) {
    copy_nodes(groups[static_cast<size_t>(g)], static_cast<size_t>(g), out);
    copy_edges(schema, groups[static_cast<size_t>(g)], static_cast<size_t>(g), out);
  });
  seed_s_.clear();
  for (int64_t time_us : seeds.time_us) seed_s_.push_back(floor_seconds(time_us));
  pool.for_each(static_cast<int64_t>(out.nodes.size()), [&](int64_t type) {
    index_rows(graph, seeds, static_cast<size_t>(type), out.nodes[static_cast<size_t>(type)]);
  });
}

void Collator::lay_out(const GraphSchema& schema, const std::vector<SeedTrees>& groups, Batch& out) {
  const size_t types = schema.node_types.size(), edge_types = schema.edge_types.size();
  groups_ = groups.size();
  hops_ = groups[0].nodes[0].hop_end.size();
  node_bases_.resize(types * hops_ * groups_);
  edge_bases_.resize(edge_types * hops_ * groups_);
  rows_.resize(types);
  ages_.resize(types);
  out.nodes.resize(types);
  out.edges.resize(edge_types);
  for (size_t t = 0; t < types; ++t) {
    int64_t size = 0;
    out.nodes[t].hop_end.clear();
    for (size_t hop = 0; hop < hops_; ++hop) {
      for (size_t g = 0; g < groups_; ++g) {
        node_base(t, hop, g) = size;
        size += groups[g].nodes[t].hop_end[hop] - hop_begin(groups[g].nodes[t], hop);
      }
      out.nodes[t].hop_end.push_back(size);
    }
    check_size(size, "nodes", schema.node_types[t].name);
    out.nodes[t].row.resize(static_cast<size_t>(size));
    out.nodes[t].seed.resize(static_cast<size_t>(size));
  }
  for (size_t e = 0; e < edge_types; ++e) {
    const size_t target = schema.edge_types[e].target.index();
    int64_t size = 0;
    for (size_t hop = 0; hop + 1 < hops_; ++hop)
      for (size_t g = 0; g < groups_; ++g) {
        const TreeNodes& nodes = groups[g].nodes[target];
        const UnsetVector<int32_t>& offsets = groups[g].edges[e].offsets;
        edge_base(e, hop, g) = size;
        size += offsets[static_cast<size_t>(nodes.hop_end[hop])] -
                offsets[static_cast<size_t>(hop_begin(nodes, hop))];
      }
    check_size(size, "edges", schema.edge_types[e].name);
    const NodeBlock& targets = out.nodes[target];
    out.edges[e].source.resize(static_cast<size_t>(size));
    out.edges[e].offsets.resize(static_cast<size_t>(targets.nodes()) + 1);
    std::fill(out.edges[e].offsets.begin() + targets.hop_end[hops_ - 2], out.edges[e].offsets.end(),
              static_cast<int32_t>(size));
  }
}

void Collator::copy_nodes(const SeedTrees& group, size_t g, Batch& out) {
  for (size_t t = 0; t < group.nodes.size(); ++t) {
    const TreeNodes& from = group.nodes[t];
    NodeBlock& to = out.nodes[t];
    for (size_t hop = 0; hop < hops_; ++hop) {
      const int64_t begin = hop_begin(from, hop), n = from.hop_end[hop] - begin, base = node_base(t, hop, g);
      const NodeId* node = from.node.data() + begin;
      const int32_t* seed = from.seed.data() + begin;
      int32_t *row = to.row.data() + base, *to_seed = to.seed.data() + base;
      for (int64_t i = 0; i < n; ++i) row[i] = static_cast<int32_t>(node[i]);
      for (int64_t i = 0; i < n; ++i) to_seed[i] = seed[i] + static_cast<int32_t>(group.first_seed);
    }
  }
}

void Collator::copy_edges(const GraphSchema& schema, const SeedTrees& group, size_t g, Batch& out) {
  for (size_t e = 0; e < group.edges.size(); ++e) {
    const size_t target = schema.edge_types[e].target.index(), type = schema.edge_types[e].source.index();
    const TreeEdges& from = group.edges[e];
    EdgeBlock& to = out.edges[e];
    for (size_t hop = 0; hop + 1 < hops_; ++hop) {
      const size_t begin = static_cast<size_t>(hop_begin(group.nodes[target], hop));
      const size_t end = static_cast<size_t>(group.nodes[target].hop_end[hop]);
      const int32_t first = from.offsets[begin], base = static_cast<int32_t>(edge_base(e, hop, g));
      int32_t* offsets = to.offsets.data() + node_base(target, hop, g);
      for (size_t i = begin; i < end; ++i) *offsets++ = from.offsets[i] - first + base;
      copy_sources(group.nodes[type], type, g, from.source.data() + first, from.offsets[end] - first, hop + 1,
                   to.source.data() + base);
    }
  }
}

// The sources lie within `most_hops` hops. Nodes of one hop lie in the batch as they do in the group, all
// shifted by one distance.
void Collator::copy_sources(const TreeNodes& nodes, size_t type, size_t g, const int32_t* from, int32_t n,
                            size_t most_hops, int32_t* to) {
  int32_t shifted = 0;
  bool first = true;
  for (size_t hop = 0; hop <= most_hops; ++hop) {
    const auto begin = static_cast<int32_t>(hop_begin(nodes, hop));
    if (begin == nodes.hop_end[hop]) continue;
    const int32_t shift = static_cast<int32_t>(node_base(type, hop, g)) - begin, more = shift - shifted;
    if (first)
      for (int32_t j = 0; j < n; ++j) to[j] = from[j] + shift;
    else
      for (int32_t j = 0; j < n; ++j) to[j] += from[j] >= begin ? more : 0;
    first = false;
    shifted = shift;
  }
}

void Collator::index_rows(const Graph& graph, const Seeds& seeds, size_t type, NodeBlock& block) {
  const NodeTypeInfo& info = graph.schema().node_types[type];
  rows_[type].index(info.nodes, block.row, block.distinct);
  block.delta.clear();
  block.delta_s.clear();
  if (info.has_time && !seeds.time_us.empty())
    ages_[type].index(graph, NodeTypeId(static_cast<int32_t>(type)), seed_s_, block);
}

}  // namespace rle
