// The baselines of link tasks (task/baselines.h). Internal to task/.
#pragma once

#include <cstdint>
#include <vector>

#include "task/baselines.h"
#include "task/label_history.h"

namespace rle {

// The k targets that occur in most of the labels added so far; of equally frequent ones the lower node comes
// first. Not thread-safe. A target's rank only rises, so an addition costs what it climbs, at most k.
class FrequentTargets {
 public:
  FrequentTargets(int64_t nodes, int64_t k)
      : k_(k), counts_(static_cast<size_t>(nodes), 0), place_(static_cast<size_t>(nodes), -1) {}

  void clear();
  void add(const LabelRef& label);
  const std::vector<NodeId>& best() const { return best_; }  // most frequent first
  bool has(NodeId node) const { return node < place_.size() && place_[node] >= 0; }

 private:
  bool before(NodeId a, NodeId b) const;
  void add_target(NodeId node);

  int64_t k_;
  std::vector<int64_t> counts_;  // (nodes)
  std::vector<int32_t> place_;   // (nodes) in best_, or -1
  std::vector<NodeId> best_, counted_;
};

std::vector<BaselineResult> link_baselines(const TaskSpec& task, const LabelHistory& history,
                                           const LabelTable& target);

}  // namespace rle
