#include "sample/both_ways.h"

#include <utility>

#include "base/error.h"

namespace rle {

void BothWays::add(const Graph& graph, ThreadPool& pool, Batch& batch) {
  const std::vector<EdgeTypeInfo>& types = graph.schema().edge_types;
  turned_.resize(types.size());
  merged_.resize(types.size());
  owned_.resize(types.size());
  pool.for_each(static_cast<int64_t>(types.size()), [&](int64_t i) {
    const auto e = static_cast<size_t>(i);
    turn(batch.nodes[types[e].source.index()].nodes(), batch.edges[e], turned_[e]);
  });
  for (size_t e = 0; e < types.size(); ++e) {
    const size_t reverse = graph.reverse_of(EdgeTypeId(static_cast<int32_t>(e))).index();
    if (batch.edges[e].edges() + turned_[reverse].edges() > INT32_MAX)
      fail(ErrorCode::kSpec,
           "a batch has more than 2^31 - 1 edges of type '{}' both ways: lower fanouts or the batch size",
           types[e].name);
  }
  pool.for_each(static_cast<int64_t>(types.size()), [&](int64_t i) {
    const auto e = static_cast<size_t>(i);
    const size_t reverse = graph.reverse_of(EdgeTypeId(static_cast<int32_t>(i))).index();
    owned_[e].assign(static_cast<size_t>(batch.nodes[types[e].source.index()].nodes()), {-1, 0});
    merge(batch.edges[e], turned_[reverse], owned_[e], merged_[e]);
  });
  for (size_t e = 0; e < types.size(); ++e) std::swap(batch.edges[e], merged_[e]);
}

// The targets of each source, ascending.
void BothWays::turn(int64_t sources, const EdgeBlock& block, EdgeBlock& turned) const {
  turned.offsets.assign(static_cast<size_t>(sources) + 2, 0);
  for (const int32_t source : block.source) ++turned.offsets[static_cast<size_t>(source) + 2];
  for (size_t s = 2; s < turned.offsets.size(); ++s) turned.offsets[s] += turned.offsets[s - 1];
  turned.source.resize(block.source.size());
  for (size_t target = 0; target + 1 < block.offsets.size(); ++target)
    for (int32_t j = block.offsets[target]; j < block.offsets[target + 1]; ++j) {
      int32_t& next = turned.offsets[static_cast<size_t>(block.source[static_cast<size_t>(j)]) + 1];
      turned.source[static_cast<size_t>(next++)] = static_cast<int32_t>(target);
    }
  turned.offsets.pop_back();
}

void BothWays::merge(const EdgeBlock& own, const EdgeBlock& turned, std::vector<Own>& owned,
                     EdgeBlock& merged) const {
  merged.offsets.assign(1, 0);
  merged.source.clear();
  for (size_t t = 0; t + 1 < own.offsets.size(); ++t) {
    const auto target = static_cast<int32_t>(t);
    for (int32_t j = own.offsets[t]; j < own.offsets[t + 1]; ++j) {
      const int32_t source = own.source[static_cast<size_t>(j)];
      Own& has = owned[static_cast<size_t>(source)];
      has = {target, has.of == target ? has.times + 1 : 1};
      merged.source.push_back(source);
    }
    for (int32_t j = turned.offsets[t]; j < turned.offsets[t + 1]; ++j) {
      const int32_t source = turned.source[static_cast<size_t>(j)];
      Own& has = owned[static_cast<size_t>(source)];
      if (has.of == target && has.times > 0)
        --has.times;
      else
        merged.source.push_back(source);
    }
    merged.offsets.push_back(static_cast<int32_t>(merged.source.size()));
  }
}

}  // namespace rle
