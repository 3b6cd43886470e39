#include "train/link_loader.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "train/link_ranking.h"
#include "train/nodes_by_seed.h"

namespace rle {
namespace {

constexpr int64_t kNoTime = 0;  // of a task without time: one for all

// Hops, one or more, after which a subgraph may hold a node of `to`; 0: never.
int64_t hops_between(const GraphSchema& schema, NodeTypeId from, NodeTypeId to) {
  std::vector<uint8_t> reached(schema.node_types.size(), 0), next;
  reached[from.index()] = 1;
  for (size_t hop = 1; hop <= reached.size(); ++hop) {
    next.assign(reached.size(), 0);
    for (const EdgeTypeInfo& edge : schema.edge_types)
      next[edge.source.index()] |= reached[edge.target.index()];
    if (next[to.index()] != 0) return static_cast<int64_t>(hop);
    reached = next;
  }
  return 0;
}

void require_targets_in_reach(const Dataset& dataset, size_t hops) {
  const TaskSpec& task = dataset.task;
  const int64_t needed = hops_between(dataset.graph.schema(), dataset.entity_type, dataset.target_type);
  if (needed == 0)
    fail(ErrorCode::kSpec,
         "task '{}': no foreign keys lead from table '{}' to table '{}', so no target lies in any seed's "
         "subgraph; declare the foreign keys between them",
         task.name, task.entity_table, task.target_table);
  if (needed > static_cast<int64_t>(hops))
    fail(ErrorCode::kSpec,
         "config.fanouts has {} hops, and rows of the target table '{}' are {} away from those of '{}': none "
         "lies in any seed's subgraph; give {} fanouts or more",
         hops, task.target_table, needed, task.entity_table, needed);
}

}  // namespace

LinkLoader::LinkLoader(const Dataset& dataset, const LabelTable& labels, const TrainConfig& config)
    : dataset_(dataset),
      labels_(labels),
      readout_(readout_of(dataset.task.type, config.model)),
      negatives_(config.num_negative),
      loader_(dataset, labels, config.sampler),
      sampler_(dataset.graph, dataset.target_type, config.negative_sampling, dataset.task.current_time) {
  if (has_towers(readout_) && config.negative_sampling == NegativeSampling::kDegreeBased &&
      !sampler_.has_links())
    fail(ErrorCode::kSpec,
         "config.negative_sampling_strategy is degree_based, and no row of any table links to table '{}': "
         "declare its foreign keys, or set it to random",
         dataset.task.target_table);
  if (reads_targets(readout_)) require_targets_in_reach(dataset, config.sampler.fanouts.size());
}

std::span<const NodeId> LinkLoader::positives(int64_t row) const {
  const auto begin = static_cast<size_t>(labels_.target_offsets[static_cast<size_t>(row)]);
  const auto end = static_cast<size_t>(labels_.target_offsets[static_cast<size_t>(row) + 1]);
  return {labels_.targets.data() + begin, end - begin};
}

std::optional<int64_t> LinkLoader::time_of(int64_t row) const {
  if (labels_.time_us.empty()) return std::nullopt;
  return labels_.time_us[static_cast<size_t>(row)];
}

std::vector<NodeId> LinkLoader::visible_ends(const LoadedBatch& batch) const {
  std::vector<NodeId> ends;
  for (const int64_t row : batch.rows)
    ends.push_back(static_cast<NodeId>(
        count_visible(dataset_.graph, dataset_.target_type, time_of(row), dataset_.task.current_time)));
  return ends;
}

void LinkLoader::load(const std::vector<int64_t>& rows, RngKey key, ThreadPool& pool, LoadedBatch& out,
                      StepMarks* marks) {
  const auto mark = [&](const char* part) {
    if (marks != nullptr) marks->mark(part);
  };
  loader_.plant(rows, out);
  if (has_towers(readout_)) {
    draw_pairs(key, out);
    plant_targets(out);
  }
  mark("draw negatives");
  loader_.grow(key, pool, out);
  if (has_towers(readout_)) number_pairs(out);
  if (readout_ == Readout::kFusion) list_seen(out);
  if (readout_ == Readout::kTargets) mark_positives(out);
  mark("sample");
  loader_.gather(pool, out);
  mark("gather");
}

void LinkLoader::draw_pairs(RngKey key, const LoadedBatch& batch) {
  pairs_.clear();
  for (size_t i = 0; i < batch.rows.size(); ++i) {
    const std::span<const NodeId> linked = positives(batch.rows[i]);
    RLE_CHECK(!linked.empty());
    const RngKey seed_key = key.with("link").with(batch.seeds.keys[i]);
    Pair pair{static_cast<int32_t>(i), linked[RngStream(seed_key.with("positive")).below(linked.size())],
              std::vector<NodeId>(static_cast<size_t>(negatives_))};
    const int64_t drawn = sampler_.draw(time_of(batch.rows[i]), linked, seed_key.with("negative"), negatives_,
                                        pair.negative.data());
    pair.negative.resize(static_cast<size_t>(drawn));
    if (drawn > 0 || readout_ == Readout::kFusion) pairs_.push_back(std::move(pair));
  }
}

void LinkLoader::plant_targets(LoadedBatch& out) {
  targets_.clear();
  for (const Pair& pair : pairs_) {
    const int64_t time = time_of(out.rows[static_cast<size_t>(pair.source)]).value_or(kNoTime);
    targets_.emplace_back(time, pair.positive);
    for (const NodeId node : pair.negative) targets_.emplace_back(time, node);
  }
  std::sort(targets_.begin(), targets_.end());
  targets_.erase(std::unique(targets_.begin(), targets_.end()), targets_.end());
  const bool timed = !labels_.time_us.empty();
  for (const auto& [time, node] : targets_)
    add_seed(node, timed ? std::optional(time) : std::nullopt, out.seeds);
  out.seeds.targets = static_cast<int64_t>(targets_.size());
}

int32_t LinkLoader::seed_of(int64_t row, NodeId node, int64_t sources) const {
  const TargetSeed wanted{time_of(row).value_or(kNoTime), node};
  const auto found = std::lower_bound(targets_.begin(), targets_.end(), wanted);
  return static_cast<int32_t>(sources + (found - targets_.begin()));
}

void LinkLoader::number_pairs(LoadedBatch& out) const {
  LoadedPairs& pairs = out.pairs;
  pairs.negatives = negatives_;
  pairs.source.clear();
  pairs.positive.clear();
  pairs.negative.clear();
  const int64_t sources = out.size();
  for (const Pair& pair : pairs_) {
    const int64_t row = out.rows[static_cast<size_t>(pair.source)];
    pairs.source.push_back(pair.source);
    pairs.positive.push_back(seed_of(row, pair.positive, sources));
    for (const NodeId node : pair.negative) pairs.negative.push_back(seed_of(row, node, sources));
    pairs.negative.resize(pairs.source.size() * static_cast<size_t>(negatives_), -1);
  }
}

void LinkLoader::mark_positives(LoadedBatch& out) const {
  const NodeBlock& block = out.batch.nodes[dataset_.target_type.index()];
  out.value.assign(block.row.size(), 0.0f);
  const std::vector<NodeId> visible_end = visible_ends(out);
  for (size_t n = 0; n < block.row.size(); ++n) {
    const auto seed = static_cast<size_t>(block.seed[n]);
    const std::span<const NodeId> linked = positives(out.rows[seed]);
    const NodeId node = block.distinct[static_cast<size_t>(block.row[n])];
    out.value[n] = std::binary_search(linked.begin(), linked.end(), node) ? 1.0f : 0.0f;
    if (node >= visible_end[seed]) out.value[n] = kNotCompared;
  }
}

void LinkLoader::list_seen(LoadedBatch& out) const {
  const NodeBlock& block = out.batch.nodes[dataset_.target_type.index()];
  const std::vector<NodeId> visible_end = visible_ends(out);
  const NodesBySeed seen = nodes_by_seed(block, visible_end);
  const auto node_at = [&](int32_t n) {
    return block.distinct[static_cast<size_t>(block.row[static_cast<size_t>(n)])];
  };
  LoadedPairs& pairs = out.pairs;
  pairs.seen_offsets.assign(1, 0);
  pairs.seen.clear();
  pairs.seen_positive.clear();
  pairs.log_weight.clear();
  for (size_t p = 0; p < pairs_.size(); ++p) {
    const Pair& pair = pairs_[p];
    const int64_t row = out.rows[static_cast<size_t>(pair.source)];
    const std::span<const NodeId> linked = positives(row);
    std::vector<NodeId> known;
    int32_t positive = -1;
    for (int64_t e = seen.offsets[static_cast<size_t>(pair.source)];
         e < seen.offsets[static_cast<size_t>(pair.source) + 1]; ++e) {
      const int32_t n = seen.node[static_cast<size_t>(e)];
      const NodeId node = node_at(n);
      known.push_back(node);
      if (node == pair.positive) positive = n;
      if (!std::binary_search(linked.begin(), linked.end(), node)) pairs.seen.push_back(n);
    }
    std::sort(known.begin(), known.end());
    int64_t unseen = 0;
    for (size_t k = 0; k < pair.negative.size(); ++k) {
      const bool inside = std::binary_search(known.begin(), known.end(), pair.negative[k]);
      if (inside) pairs.negative[p * static_cast<size_t>(negatives_) + k] = -1;
      unseen += !inside;
    }
    if (positive >= 0) pairs.positive[p] = -1;
    const int64_t outside =
        int64_t{visible_end[static_cast<size_t>(pair.source)]} - static_cast<int64_t>(known.size());
    pairs.seen_positive.push_back(positive);
    pairs.seen_offsets.push_back(static_cast<int32_t>(pairs.seen.size()));
    pairs.log_weight.push_back(
        static_cast<float>(std::log(static_cast<double>(std::max<int64_t>(outside, 1)) /
                                    static_cast<double>(std::max<int64_t>(unseen, 1)))));
  }
}

}  // namespace rle
