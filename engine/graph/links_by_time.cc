#include "graph/links_by_time.h"

#include <algorithm>

#include "base/huge_pages.h"

namespace rle {
namespace {

// Only the way from a key to its one parent has no lists: it enters the table that holds the key.
bool links_to_target(const Graph& graph, EdgeTypeId type, NodeTypeId target) {
  return graph.schema().edge_types[type.index()].target == target &&
         graph.list_shape(type) != ListShape::kOneSource;
}

}  // namespace

LinksByTime::LinksByTime(const Graph& graph, NodeTypeId target) {
  std::vector<TimedEdge> links;
  for (size_t e = 0; e < graph.schema().edge_types.size(); ++e) {
    const EdgeTypeId type(static_cast<int32_t>(e));
    if (!links_to_target(graph, type, target)) continue;
    const std::vector<TimedEdge> more = graph.timed_edges(type);
    links.insert(links.end(), more.begin(), more.end());
  }
  std::sort(links.begin(), links.end(), [](const TimedEdge& a, const TimedEdge& b) {
    return a.time_us != b.time_us ? a.time_us < b.time_us : a.target < b.target;
  });
  targets_.reserve(links.size());
  for (const TimedEdge& link : links) {
    if (times_us_.empty() || times_us_.back() != link.time_us) {
      times_us_.push_back(link.time_us);
      ends_.push_back(0);
    }
    targets_.push_back(link.target);
    ends_.back() = static_cast<int64_t>(targets_.size());
  }
  use_huge_pages(targets_);
}

int64_t LinksByTime::visible(int64_t latest_us) const {
  const auto later = std::upper_bound(times_us_.begin(), times_us_.end(), latest_us);
  return later == times_us_.begin() ? 0 : ends_[static_cast<size_t>(later - times_us_.begin()) - 1];
}

}  // namespace rle
