// The labels of earlier tables that a baseline may use for the rows of another, in the order in which they
// come to be known (task/baselines.h). Internal to task/.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "task/figures.h"
#include "task/task.h"

namespace rle {

// A label and the time from which on it is known.
struct KnownLabel {
  NodeId entity = kNoNode;
  int64_t known_us = 0;
  LabelRef label;
};

// Borrows the tables. Immutable; thread-safe to read.
class LabelHistory {
 public:
  LabelHistory(const TaskSpec& task, const std::vector<const LabelTable*>& history, const LabelTable& target);

  bool empty() const { return by_time_.empty(); }
  const std::vector<KnownLabel>& labels() const { return by_time_; }  // by (known_us, split, row)
  const std::string& splits() const { return splits_; }               // "train + validation"

  // Calls visit(row) for every row of the target after state.add(LabelRef) was called for each label that is
  // known by its time, in that order. Rows come in order of time.
  template <typename State, typename Visit>
  void sweep(State& state, Visit&& visit) const {
    sweep(by_time_, rows_by_time_, false, state, visit);
  }
  // The same with the labels of the row's own entity only; rows come in order of (entity, time), and
  // state.clear() is called before each entity.
  template <typename State, typename Visit>
  void sweep_entities(State& state, Visit&& visit) const {
    sweep(by_entity_, rows_by_entity_, true, state, visit);
  }

 private:
  void add_table(const TaskSpec& task, const LabelTable& table);

  template <typename State, typename Visit>
  void sweep(const std::vector<KnownLabel>& labels, const std::vector<int64_t>& rows, bool per_entity,
             State& state, Visit& visit) const {
    size_t next = 0;
    bool started = false;
    NodeId current = kNoNode;
    for (const int64_t row : rows) {
      const NodeId entity = target_.entity[static_cast<size_t>(row)];
      if (per_entity && (!started || entity != current)) {
        state.clear();
        while (next < labels.size() && labels[next].entity < entity) ++next;
        started = true;
        current = entity;
      }
      const int64_t now = target_.time_us.empty() ? std::numeric_limits<int64_t>::max()
                                                  : target_.time_us[static_cast<size_t>(row)];
      while (next < labels.size() && labels[next].known_us <= now &&
             (!per_entity || labels[next].entity == entity))
        state.add(labels[next++].label);
      visit(row);
    }
  }

  const LabelTable& target_;
  std::string splits_;
  std::vector<KnownLabel> by_time_, by_entity_;
  std::vector<int64_t> rows_by_time_, rows_by_entity_;
};

}  // namespace rle
