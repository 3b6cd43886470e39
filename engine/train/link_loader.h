// Training batches of link tasks: the seeds' subgraphs, and what the loss compares. Two towers: each seed
// with one of its targets, drawn anew every epoch, and negatives; each (target, time) of the batch is one
// seed of the target type, however many pairs name it.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "nn/step.h"
#include "train/batch_loader.h"
#include "train/negative_sampler.h"

namespace rle {

// Borrows all it is given. One thread at a time.
class LinkLoader {
 public:
  // Error{kSpec}: repeated links or fusion whose targets lie in no subgraph, for want of hops or of foreign
  // keys; degree-based negatives where nothing links to the target table.
  LinkLoader(const Dataset& dataset, const LabelTable& labels, const TrainConfig& config);

  // rows: of the label table, each with a target. A seed that has no negative, because it links to every
  // visible target, makes no pair. key: carries (seed, purpose, epoch). marks, where given, is told the parts
  // "draw negatives", "sample" and "gather".
  void load(const std::vector<int64_t>& rows, RngKey key, ThreadPool& pool, LoadedBatch& out,
            StepMarks* marks = nullptr);

 private:
  struct Pair {
    int32_t source = 0;  // a row of the batch
    NodeId positive = kNoNode;
    std::vector<NodeId> negative;
  };
  using TargetSeed = std::pair<int64_t, NodeId>;  // time, node

  void draw_pairs(RngKey key, const LoadedBatch& batch);
  void plant_targets(LoadedBatch& out);
  void number_pairs(LoadedBatch& out) const;
  void mark_positives(LoadedBatch& out) const;
  void list_seen(LoadedBatch& out) const;
  std::span<const NodeId> positives(int64_t row) const;
  std::optional<int64_t> time_of(int64_t row) const;
  std::vector<NodeId> visible_ends(const LoadedBatch& batch) const;  // of the targets, per row
  int32_t seed_of(int64_t row, NodeId node, int64_t sources) const;

  const Dataset& dataset_;
  const LabelTable& labels_;
  const Readout readout_;
  const int64_t negatives_;
  BatchLoader loader_;
  NegativeSampler sampler_;
  std::vector<Pair> pairs_;
  std::vector<TargetSeed> targets_;  // of the batch, ascending
};

}  // namespace rle
