#include "train/negative_sampler.h"

#include <algorithm>
#include <vector>

namespace rle {
namespace {

// Rejected draws of one call before the links that remain are listed: some 10 us.
constexpr int64_t kMostRejections = 1000;

bool contains(std::span<const NodeId> ascending, NodeId node) {
  return std::binary_search(ascending.begin(), ascending.end(), node);
}

// The node that has `rank` nodes below it that are not among `left_out`.
NodeId node_of_rank(NodeId rank, std::span<const NodeId> left_out) {
  size_t begin = 0, end = left_out.size();  // how many of them lie below the node
  while (begin < end) {
    const size_t middle = begin + (end - begin) / 2;
    if (left_out[middle] - static_cast<NodeId>(middle) <= rank)
      begin = middle + 1;
    else
      end = middle;
  }
  return rank + static_cast<NodeId>(begin);
}

}  // namespace

NegativeSampler::NegativeSampler(const Graph& graph, NodeTypeId target, NegativeSampling strategy,
                                 bool current_time)
    : graph_(graph), target_(target), current_time_(current_time) {
  if (strategy == NegativeSampling::kDegreeBased) links_.emplace(graph, target);
}

int64_t NegativeSampler::draw(std::optional<int64_t> time_us, std::span<const NodeId> positives, RngKey key,
                              int64_t count, NodeId* out) const {
  const int64_t latest_us = Graph::latest_visible_us(time_us, current_time_);
  const NodeId end = graph_.visible_end(target_, latest_us);
  const auto later = std::lower_bound(positives.begin(), positives.end(), end);
  positives = positives.first(static_cast<size_t>(later - positives.begin()));
  const NodeId others = end - static_cast<NodeId>(positives.size());
  if (others == 0) return 0;
  RngStream stream(key);
  if (links_ && draw_linked(links_->visible(latest_us), positives, stream, count, out)) return count;
  for (int64_t i = 0; i < count; ++i)
    out[i] = node_of_rank(static_cast<NodeId>(stream.below(others)), positives);
  return count;
}

// False, with nothing drawn, where every link leads to a positive.
bool NegativeSampler::draw_linked(int64_t links, std::span<const NodeId> positives, RngStream& stream,
                                  int64_t count, NodeId* out) const {
  int64_t drawn = 0;
  const auto bound = static_cast<uint64_t>(links);
  for (int64_t rejected = 0; drawn < count && rejected < std::min(links, kMostRejections);) {
    const NodeId target = links_->target(static_cast<int64_t>(stream.below(bound)));
    if (contains(positives, target))
      ++rejected;
    else
      out[drawn++] = target;
  }
  if (drawn == count) return true;
  std::vector<NodeId> others;
  for (int64_t link = 0; link < links; ++link)
    if (const NodeId target = links_->target(link); !contains(positives, target)) others.push_back(target);
  if (others.empty()) return false;
  while (drawn < count) out[drawn++] = others[stream.below(others.size())];
  return true;
}

}  // namespace rle
