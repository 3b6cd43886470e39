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

// Nodes of one type at one time, a block after the other.
class ExactBlocks {
 public:
  ExactBlocks(const RelationalModel& model, const Dataset& dataset, NodeTypeId type, ThreadPool& pool,
              int64_t block_nodes)
      : dataset_(dataset),
        type_(type),
        pool_(pool),
        block_nodes_(block_nodes),
        neighbourhood_(dataset.graph, model.definition().config.gnn_layers, dataset.task.current_time),
        features_(dataset.features.size()) {}

  // Takes as many of the nodes (different ones) from `first` on as make one block; returns how many.
  int64_t take(const std::vector<NodeId>& nodes, int64_t first, std::optional<int64_t> time_us) {
    int64_t count = std::min(next_, static_cast<int64_t>(nodes.size()) - first);
    const auto collect = [&](int64_t most_nodes) {
      return neighbourhood_.collect(type_, nodes.data() + first, count, time_us, most_nodes, batch_);
    };
    while (count > 1 && !collect(block_nodes_)) count /= 2;
    if (count == 1) collect(INT64_MAX);
    int64_t size = 1;
    for (const NodeBlock& block : batch_.nodes) size += block.nodes();
    next_ = std::clamp<int64_t>(
        static_cast<int64_t>(0.9 * static_cast<double>(count) * static_cast<double>(block_nodes_) /
                             static_cast<double>(size)),
        1, 16 * count);
    pool_.for_each(static_cast<int64_t>(features_.size()), [&](int64_t i) {
      const auto type = static_cast<size_t>(i);
      dataset_.features[type].gather(batch_.nodes[type].distinct, features_[type]);
    });
    return count;
  }

  ModelInput input() const { return {&batch_, &features_, &dataset_.shallow_rows}; }

 private:
  const Dataset& dataset_;
  const NodeTypeId type_;
  ThreadPool& pool_;
  const int64_t block_nodes_;
  FullNeighbourhood neighbourhood_;
  Batch batch_;
  std::vector<FeatureRows> features_;
  int64_t next_ = 256;  // nodes that the next block tries
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
  ExactBlocks blocks(model, dataset, dataset.entity_type, pool, block_nodes);
  ModelOutputs of_block;
  std::vector<float> raw(static_cast<size_t>(labels.rows * outputs)), of_entities, vectors;
  if (options.vectors != nullptr) options.vectors->rows.resize(static_cast<size_t>(labels.rows * channels));
  for (int64_t begin = 0; begin < labels.rows;) {
    const TimeGroup group = group_at(labels, begin);
    const std::vector<NodeId> entities = distinct_entities(labels, group);
    const auto count = static_cast<int64_t>(entities.size());
    of_entities.clear();
    vectors.clear();
    for (int64_t done = 0; done < count;) {
      done += blocks.take(entities, done, group.time_us);
      check_finite(model.predict(blocks.input(), pool, of_block), labels, group.begin, group.end);
      of_entities.insert(of_entities.end(), of_block.seeds.begin(), of_block.seeds.end());
      vectors.insert(vectors.end(), model.embeddings().begin(), model.embeddings().end());
      report_progress(options, group.begin + (group.end - group.begin) * done / count, labels.rows);
    }
    spread(labels, group, entities, of_entities, outputs, raw);
    if (options.vectors != nullptr) spread(labels, group, entities, vectors, channels, options.vectors->rows);
    begin = group.end;
  }
  return scores_from_outputs(dataset.task.type, outputs, raw, options.bounds);
}

std::string vectors_exactly(RelationalModel& model, const Dataset& dataset, NodeTypeId type,
                            const std::vector<NodeId>& nodes, std::optional<int64_t> time_us,
                            ThreadPool& pool, std::vector<float>& out) {
  check_exact_inference(model.definition().config);
  ExactBlocks blocks(model, dataset, type, pool, kExactBlockNodes);
  std::vector<float> of_block;
  for (int64_t done = 0; done < static_cast<int64_t>(nodes.size());) {
    done += blocks.take(nodes, done, time_us);
    const std::string not_finite = model.embed(blocks.input(), pool, of_block);
    if (!not_finite.empty()) return not_finite;
    out.insert(out.end(), of_block.begin(), of_block.end());
  }
  return "";
}

}  // namespace rle
