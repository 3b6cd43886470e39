#include "task/link_baselines.h"

#include <algorithm>
#include <utility>

#include "task/ranked_targets.h"

namespace rle {
namespace {

using Ranking = std::vector<NodeId>;

int64_t target_nodes(const LabelHistory& history) {
  NodeId most = 0;
  for (const KnownLabel& known : history.labels()) {
    const LabelTable& table = *known.label.table;
    const auto row = static_cast<size_t>(known.label.row);
    if (table.target_offsets[row + 1] > table.target_offsets[row])  // ascending
      most = std::max(most, table.targets[static_cast<size_t>(table.target_offsets[row + 1] - 1)]);
  }
  return int64_t{most} + 1;
}

// The best targets of all entities, once for all rows between which nothing was added.
struct Popularity {
  std::vector<Ranking> rankings;
  std::vector<size_t> of_row;  // (rows)
};

Popularity popularity(const LabelHistory& history, const LabelTable& target, int64_t nodes, int64_t k) {
  Popularity out;
  out.of_row.resize(static_cast<size_t>(target.rows));
  FrequentTargets frequent(nodes, k);
  history.sweep(frequent, [&](int64_t row) {
    if (out.rankings.empty() || out.rankings.back() != frequent.best())
      out.rankings.push_back(frequent.best());
    out.of_row[static_cast<size_t>(row)] = out.rankings.size() - 1;
  });
  return out;
}

RankedTargets ranked_of(const std::vector<const Ranking*>& rows) {
  RankedTargets out;
  out.offsets.push_back(0);
  for (const Ranking* row : rows) {
    out.target.insert(out.target.end(), row->begin(), row->end());
    out.offsets.push_back(static_cast<int64_t>(out.target.size()));
  }
  out.score.resize(out.target.size());
  return out;
}

std::vector<const Ranking*> pointers(const std::vector<Ranking>& rows) {
  std::vector<const Ranking*> out;
  for (const Ranking& row : rows) out.push_back(&row);
  return out;
}

}  // namespace

void FrequentTargets::clear() {
  for (const NodeId node : counted_) {
    counts_[node] = 0;
    place_[node] = -1;
  }
  counted_.clear();
  best_.clear();
}

void FrequentTargets::add(const LabelRef& label) {
  const auto row = static_cast<size_t>(label.row);
  const LabelTable& table = *label.table;
  for (int64_t i = table.target_offsets[row]; i < table.target_offsets[row + 1]; ++i)
    add_target(table.targets[static_cast<size_t>(i)]);
}

bool FrequentTargets::before(NodeId a, NodeId b) const {
  return counts_[a] != counts_[b] ? counts_[a] > counts_[b] : a < b;
}

void FrequentTargets::add_target(NodeId node) {
  if (counts_[node]++ == 0) counted_.push_back(node);
  if (place_[node] < 0) {
    if (static_cast<int64_t>(best_.size()) < k_) {
      best_.push_back(node);
    } else {
      if (!before(node, best_.back())) return;
      place_[best_.back()] = -1;
      best_.back() = node;
    }
    place_[node] = static_cast<int32_t>(best_.size()) - 1;
  }
  for (auto at = static_cast<size_t>(place_[node]); at > 0 && before(node, best_[at - 1]); --at) {
    std::swap(best_[at], best_[at - 1]);
    std::swap(place_[best_[at]], place_[best_[at - 1]]);
  }
}

std::vector<BaselineResult> link_baselines(const TaskSpec& task, const LabelHistory& history,
                                           const LabelTable& target) {
  const auto rows = static_cast<size_t>(target.rows);
  const int64_t nodes = target_nodes(history), k = task.eval_k;
  const Popularity popular = popularity(history, target, nodes, k);
  std::vector<const Ranking*> popular_rows;
  for (const size_t ranking : popular.of_row) popular_rows.push_back(&popular.rankings[ranking]);

  std::vector<Ranking> visits(rows), filled(rows);
  FrequentTargets frequent(nodes, k);
  history.sweep_entities(frequent, [&](int64_t row) {
    const auto i = static_cast<size_t>(row);
    visits[i] = filled[i] = frequent.best();
    for (const NodeId node : *popular_rows[i])
      if (static_cast<int64_t>(filled[i].size()) < k && !frequent.has(node)) filled[i].push_back(node);
  });
  const auto result = [&](std::string name, const std::vector<const Ranking*>& ranked) {
    return BaselineResult{std::move(name), history.splits(),
                          compute_link_metrics(target, ranked_of(ranked), k)};
  };
  return {result("global popularity", popular_rows), result("past visits", pointers(visits)),
          result("past visits then popularity", pointers(filled))};
}

}  // namespace rle
