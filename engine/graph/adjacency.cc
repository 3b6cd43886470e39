#include "graph/adjacency.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace rle {
namespace {

constexpr int64_t kTargetsPerChunk = 4096;

// Turns counts in offsets[t + 1] into the lists' begins, shifted by one so that filling ends with offsets as
// documented.
void begin_lists(std::vector<uint32_t>& offsets) {
  uint32_t sum = 0;
  for (size_t t = 1; t < offsets.size(); ++t) sum += std::exchange(offsets[t], sum);
}

std::vector<uint32_t> rows_by_source(const EdgeRows& rows) {
  std::vector<uint32_t> begins(static_cast<size_t>(rows.source_nodes) + 1, 0);
  const auto visible = [&](size_t i) {
    return rows.targets[i] != kNoNode && rows.sources[i] < rows.visible_sources &&
           (rows.times_us.empty() || rows.times_us[i] != kNeverVisible);
  };
  uint32_t edges = 0;
  for (size_t i = 0; i < rows.sources.size(); ++i)
    if (visible(i)) ++begins[rows.sources[i] + 1], ++edges;
  begin_lists(begins);
  std::vector<uint32_t> order(edges);
  for (size_t i = 0; i < rows.sources.size(); ++i)
    if (visible(i)) order[begins[rows.sources[i] + 1]++] = static_cast<uint32_t>(i);
  return order;
}

// The edges of a list are in the order of their sources; a stable sort by time completes (time, id).
void sort_list(NodeId* sources, int64_t* times_us, size_t n,
               std::vector<std::pair<int64_t, NodeId>>& scratch) {
  if (std::is_sorted(times_us, times_us + n)) return;
  scratch.clear();
  for (size_t i = 0; i < n; ++i) scratch.emplace_back(times_us[i], sources[i]);
  std::sort(scratch.begin(), scratch.end());
  for (size_t i = 0; i < n; ++i) std::tie(times_us[i], sources[i]) = scratch[i];
}

}  // namespace

Adjacency parents_of_children(std::vector<NodeId> parents, NodeId visible_parents) {
  Adjacency lists;
  lists.edges = std::count_if(parents.begin(), parents.end(), [=](NodeId p) { return p < visible_parents; });
  lists.sources = std::move(parents);
  return lists;
}

Adjacency children_of_parents(const std::vector<NodeId>& parents, int64_t parent_nodes,
                              NodeId visible_children) {
  Adjacency lists;
  lists.disjoint = true;
  lists.offsets.assign(static_cast<size_t>(parent_nodes) + 1, 0);
  for (NodeId child = 0; child < visible_children; ++child)
    if (parents[child] != kNoNode) ++lists.offsets[parents[child] + 1], ++lists.edges;
  begin_lists(lists.offsets);
  lists.sources.resize(static_cast<size_t>(lists.edges));
  for (NodeId child = 0; child < visible_children; ++child)
    if (parents[child] != kNoNode) lists.sources[lists.offsets[parents[child] + 1]++] = child;
  return lists;
}

Adjacency lists_of_edge_rows(const EdgeRows& rows, ThreadPool& pool) {
  const std::vector<uint32_t> order = rows_by_source(rows);
  Adjacency lists;
  lists.edges = static_cast<int64_t>(order.size());
  lists.offsets.assign(static_cast<size_t>(rows.target_nodes) + 1, 0);
  for (uint32_t row : order) ++lists.offsets[rows.targets[row] + 1];
  begin_lists(lists.offsets);
  lists.sources.resize(order.size());
  if (!rows.times_us.empty()) lists.times_us.resize(order.size());
  for (uint32_t row : order) {
    const uint32_t place = lists.offsets[rows.targets[row] + 1]++;
    lists.sources[place] = rows.sources[row];
    if (!rows.times_us.empty()) lists.times_us[place] = rows.times_us[row];
  }
  if (rows.times_us.empty()) return lists;
  pool.for_chunks(rows.target_nodes, kTargetsPerChunk, [&](int64_t begin, int64_t end) {
    std::vector<std::pair<int64_t, NodeId>> scratch;
    for (int64_t t = begin; t < end; ++t) {
      const uint32_t first = lists.offsets[static_cast<size_t>(t)],
                     last = lists.offsets[static_cast<size_t>(t) + 1];
      sort_list(lists.sources.data() + first, lists.times_us.data() + first, last - first, scratch);
    }
  });
  return lists;
}

}  // namespace rle
