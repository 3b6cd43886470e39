// From rows of a label table to what a step of the model takes: the sampled subgraphs, the features of their
// distinct rows, and the targets. Sampling and gathering touch no model state, so that a batch may be loaded
// while another is computed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/rng.h"
#include "base/thread_pool.h"
#include "model/relational_model.h"
#include "nn/loss.h"
#include "sample/sampler.h"
#include "train/dataset.h"

namespace rle {

// LinkPairs and what it borrows (nn/link_loss.h).
struct LoadedPairs {
  int64_t negatives = 0;
  std::vector<int32_t> source, positive, negative;
  std::vector<int32_t> seen_offsets, seen, seen_positive;
  std::vector<float> log_weight;

  LinkPairs view() const;
};

// One batch and the memory that the next load reuses. Belongs to one thread at a time.
struct LoadedBatch {
  std::vector<int64_t> rows;  // (seeds) of the label table; seeds that are targets have none
  Seeds seeds;                // keyed by entity and time
  Batch batch;
  std::vector<FeatureRows> features;                               // per node type
  const std::vector<std::vector<NodeId>>* shallow_rows = nullptr;  // the data set's
  // (seeds) binary, regression; repeated links: (nodes of the target type) whether the node is a positive of
  // its seed, kNotCompared where the seed does not see it
  std::vector<float> value;
  std::vector<int32_t> class_id;  // (seeds) multiclass
  std::vector<float> multi_hot;   // (seeds, classes) multilabel
  LoadedPairs pairs;              // links

  int64_t size() const { return static_cast<int64_t>(rows.size()); }
  ModelInput input() const { return {&batch, &features, shallow_rows}; }
  LossTargets targets(double label_smoothing) const;
};

// Keyed by node and time.
void add_seed(NodeId node, std::optional<int64_t> time_us, Seeds& seeds);

// Borrows all it is given. Thread-safe for distinct outputs.
class BatchLoader {
 public:
  // config.current_time is overruled by the task's.
  BatchLoader(const Dataset& dataset, const LabelTable& labels, SamplerConfig config);

  // Sample and gather.
  void load(const std::vector<int64_t>& rows, RngKey key, ThreadPool& pool, LoadedBatch& out) const;

  // Everything but the features. rows: of the label table. key: carries (seed, purpose, epoch). Targets are
  // filled where the table is labelled.
  void sample(const std::vector<int64_t>& rows, RngKey key, ThreadPool& pool, LoadedBatch& out) const;
  // Fills in `seeds` alone.
  void plant(const std::vector<int64_t>& rows, LoadedBatch& out) const;
  // Samples the planted seeds.
  void grow(RngKey key, ThreadPool& pool, LoadedBatch& out) const;
  // The features of the sampled rows.
  void gather(ThreadPool& pool, LoadedBatch& out) const;

 private:
  void fill_targets(LoadedBatch& out) const;

  const Dataset& dataset_;
  const LabelTable& labels_;
  Sampler sampler_;
};

}  // namespace rle
