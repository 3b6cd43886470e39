#include "train/exact_inference.h"

#include <algorithm>

#include "base/error.h"
#include "base/time.h"
#include "sample/full_neighbourhood.h"
#include "train/time_groups.h"

namespace rle {
namespace {

std::vector<NodeId> distinct_entities(const LabelTable& labels, const TimeGroup& group) {
  std::vector<NodeId> entities(labels.entity.begin() + group.begin, labels.entity.begin() + group.end);
  std::sort(entities.begin(), entities.end());
  entities.erase(std::unique(entities.begin(), entities.end()), entities.end());
  return entities;
}

// What is known of a group's entities, (entities, width), for each of its rows.
void spread(const LabelTable& labels, const TimeGroup& group, const std::vector<NodeId>& entities,
            const std::vector<float>& of_entities, int64_t width, std::vector<float>& of_rows) {
  for (int64_t row = group.begin; row < group.end; ++row) {
    const NodeId entity = labels.entity[static_cast<size_t>(row)];
    const auto at = std::lower_bound(entities.begin(), entities.end(), entity) - entities.begin();
    std::copy_n(of_entities.begin() + at * width, width, of_rows.begin() + row * width);
  }
}

// One call of score_rows_exactly.
class ExactScorer {
 public:
  ExactScorer(RelationalModel& model, const Dataset& dataset, ThreadPool& pool, int64_t block_nodes)
      : model_(model),
        dataset_(dataset),
        pool_(pool),
        block_nodes_(block_nodes),
        neighbourhood_(dataset.graph, model.definition().config.gnn_layers, dataset.task.current_time),
        features_(dataset.features.size()) {}

  // Appends the outputs and vectors of as many of the entities from `first` on as make one block; returns how
  // many. `not_finite`: as RelationalModel::predict returns it.
  int64_t score_block(const std::vector<NodeId>& entities, int64_t first, std::optional<int64_t> time_us,
                      std::vector<float>& outputs, std::vector<float>& vectors, std::string& not_finite) {
    int64_t count = std::min(next_, static_cast<int64_t>(entities.size()) - first);
    const auto collect = [&](int64_t most_nodes) {
      return neighbourhood_.collect(dataset_.entity_type, entities.data() + first, count, time_us, most_nodes,
                                    batch_);
    };
    while (count > 1 && !collect(block_nodes_)) count /= 2;
    if (count == 1) collect(INT64_MAX);
    int64_t nodes = 1;
    for (const NodeBlock& block : batch_.nodes) nodes += block.nodes();
    next_ = std::clamp<int64_t>(
        static_cast<int64_t>(0.9 * static_cast<double>(count) * static_cast<double>(block_nodes_) /
                             static_cast<double>(nodes)),
        1, 16 * count);
    pool_.for_each(static_cast<int64_t>(features_.size()), [&](int64_t i) {
      const auto type = static_cast<size_t>(i);
      dataset_.features[type].gather(batch_.nodes[type].distinct, features_[type]);
    });
    not_finite = model_.predict({&batch_, &features_, &dataset_.shallow_rows}, pool_, block_outputs_);
    outputs.insert(outputs.end(), block_outputs_.seeds.begin(), block_outputs_.seeds.end());
    vectors.insert(vectors.end(), model_.embeddings().begin(), model_.embeddings().end());
    return count;
  }

 private:
  RelationalModel& model_;
  const Dataset& dataset_;
  ThreadPool& pool_;
  const int64_t block_nodes_;
  FullNeighbourhood neighbourhood_;
  Batch batch_;
  std::vector<FeatureRows> features_;
  ModelOutputs block_outputs_;
  int64_t next_ = 256;  // entities that the next block tries
};

}  // namespace

void check_exact_inference(const ModelConfig& config) {
  if (config.gnn_norm == Norm::kInstance)
    fail(ErrorCode::kSpec,
         "config.inference: exact inference has one subgraph for all seeds, and this model's gnn_norm is "
         "instance_norm, which is over each seed's own; use sampled");
  if (config.id_awareness)
    fail(ErrorCode::kSpec,
         "config.inference: exact inference has one subgraph for all seeds, and this model marks each seed "
         "in its own "
         "(id_awareness, which repeated_link_prediction and link_fusion have too); use sampled");
}

std::vector<double> score_rows_exactly(RelationalModel& model, const Dataset& dataset,
                                       const LabelTable& labels, const ScoreOptions& options,
                                       ThreadPool& pool, int64_t block_nodes) {
  check_exact_inference(model.definition().config);
  const int64_t outputs = dataset.encoding.outputs(), channels = model.definition().config.channels;
  ExactScorer scorer(model, dataset, pool, block_nodes);
  std::vector<float> raw(static_cast<size_t>(labels.rows * outputs)), of_entities, vectors;
  if (options.vectors != nullptr) options.vectors->rows.resize(static_cast<size_t>(labels.rows * channels));
  std::string not_finite;
  for (int64_t begin = 0; begin < labels.rows;) {
    const TimeGroup group = group_at(labels, begin);
    const std::vector<NodeId> entities = distinct_entities(labels, group);
    const auto count = static_cast<int64_t>(entities.size());
    of_entities.clear();
    vectors.clear();
    for (int64_t done = 0; done < count;) {
      done += scorer.score_block(entities, done, group.time_us, of_entities, vectors, not_finite);
      check_finite(not_finite, labels, group.begin, group.end);
      report_progress(options, group.begin + (group.end - group.begin) * done / count, labels.rows);
    }
    spread(labels, group, entities, of_entities, outputs, raw);
    if (options.vectors != nullptr) spread(labels, group, entities, vectors, channels, options.vectors->rows);
    begin = group.end;
  }
  return scores_from_outputs(dataset.task.type, outputs, raw, options.bounds);
}

}  // namespace rle
