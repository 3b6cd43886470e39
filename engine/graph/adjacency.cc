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

void sort_lists(const std::vector<uint32_t>& offsets, std::vector<NodeId>& sources,
                std::vector<int64_t>& times_us, ThreadPool& pool) {
  const auto targets = static_cast<int64_t>(offsets.size()) - 1;
  pool.for_chunks(targets, kTargetsPerChunk, [&](int64_t begin, int64_t end) {
    std::vector<std::pair<int64_t, NodeId>> scratch;
    for (auto t = static_cast<size_t>(begin); t < static_cast<size_t>(end); ++t)
      sort_list(sources.data() + offsets[t], times_us.data() + offsets[t], offsets[t + 1] - offsets[t],
                scratch);
  });
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
  std::vector<uint32_t> offsets(static_cast<size_t>(parent_nodes) + 1, 0);
  for (NodeId child = 0; child < visible_children; ++child)
    if (parents[child] != kNoNode) ++offsets[parents[child] + 1], ++lists.edges;
  begin_lists(offsets);
  std::vector<NodeId> sources(static_cast<size_t>(lists.edges));
  for (NodeId child = 0; child < visible_children; ++child)
    if (parents[child] != kNoNode) sources[offsets[parents[child] + 1]++] = child;
  lists.offsets = std::move(offsets);
  lists.sources = std::move(sources);
  return lists;
}

Adjacency lists_of_edge_rows(const EdgeRows& rows, ThreadPool& pool) {
  const std::vector<uint32_t> order = rows_by_source(rows);
  std::vector<uint32_t> offsets(static_cast<size_t>(rows.target_nodes) + 1, 0);
  for (uint32_t row : order) ++offsets[rows.targets[row] + 1];
  begin_lists(offsets);
  std::vector<NodeId> sources(order.size());
  std::vector<int64_t> times_us(rows.times_us.empty() ? 0 : order.size());
  for (uint32_t row : order) {
    const uint32_t place = offsets[rows.targets[row] + 1]++;
    sources[place] = rows.sources[row];
    if (!times_us.empty()) times_us[place] = rows.times_us[row];
  }
  if (!times_us.empty()) sort_lists(offsets, sources, times_us, pool);
  return {std::move(offsets), std::move(sources), std::move(times_us), static_cast<int64_t>(order.size())};
}
}  // namespace rle
