// Negatives of link tasks (docs/model.md, link prediction): targets that a seed could see at its time and
// does not link to.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/rng.h"
#include "graph/graph.h"
#include "graph/links_by_time.h"
#include "train/config.h"

namespace rle {

// Borrows the graph. Thread-safe; has no state, so that a draw is a function of its arguments alone.
class NegativeSampler {
 public:
  // Degree-based: sorts the links to the target type by time once, O(links log links).
  NegativeSampler(const Graph& graph, NodeTypeId target, NegativeSampling strategy, bool current_time);

  // Degree-based: whether any row links to the type; else all targets are drawn alike.
  bool has_links() const { return links_ && links_->size() > 0; }

  // Writes `count` targets to `out`, independent of each other (a target may come twice), each visible at
  // `time_us` (absent: a task without time) and none of `positives` (distinct, ascending; later ones may be
  // among them). Returns count, or 0 where every visible target is a positive.
  //   random        every such target alike
  //   degree-based  in proportion to its visible links (graph/links_by_time.h): one without links is drawn
  //                 only where no such target has any, and then all alike
  // O(log targets + count log positives). Degree-based: where nearly all visible links lead to positives, all
  // of them are read once.
  int64_t draw(std::optional<int64_t> time_us, std::span<const NodeId> positives, RngKey key, int64_t count,
               NodeId* out) const;

 private:
  bool draw_linked(int64_t links, std::span<const NodeId> positives, RngStream& stream, int64_t count,
                   NodeId* out) const;

  const Graph& graph_;
  NodeTypeId target_;
  bool current_time_;
  std::optional<LinksByTime> links_;  // degree-based
};

}  // namespace rle
