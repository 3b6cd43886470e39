#include "train/batch_loader.h"

namespace rle {
namespace {

SamplerConfig with_current_time(SamplerConfig config, bool current_time) {
  config.current_time = current_time;
  return config;
}

}  // namespace

void add_seed(NodeId node, std::optional<int64_t> time_us, Seeds& seeds) {
  RngKey key(node);
  if (time_us) {
    seeds.time_us.push_back(*time_us);
    key = key.with(static_cast<uint64_t>(*time_us));
  }
  seeds.keys.push_back(key.value());
  seeds.nodes.push_back(node);
}

LinkPairs LoadedPairs::view() const {
  LinkPairs pairs;
  pairs.count = static_cast<int64_t>(source.size());
  pairs.source = source.data();
  pairs.positive = positive.data();
  pairs.negatives = negatives;
  pairs.negative = negative.data();
  pairs.seen_offsets = seen_offsets.data();
  pairs.seen = seen.data();
  pairs.seen_positive = seen_positive.data();
  pairs.log_weight = log_weight.data();
  return pairs;
}

LossTargets LoadedBatch::targets(double label_smoothing) const {
  LossTargets targets;
  targets.value = value.data();
  targets.class_id = class_id.data();
  targets.multi_hot = multi_hot.data();
  targets.pairs = pairs.view();
  targets.label_smoothing = label_smoothing;
  return targets;
}

BatchLoader::BatchLoader(const Dataset& dataset, const LabelTable& labels, SamplerConfig config)
    : dataset_(dataset),
      labels_(labels),
      sampler_(dataset.graph, with_current_time(std::move(config), dataset.task.current_time)) {}

void BatchLoader::load(const std::vector<int64_t>& rows, RngKey key, ThreadPool& pool,
                       LoadedBatch& out) const {
  sample(rows, key, pool, out);
  gather(pool, out);
}

void BatchLoader::sample(const std::vector<int64_t>& rows, RngKey key, ThreadPool& pool,
                         LoadedBatch& out) const {
  plant(rows, out);
  grow(key, pool, out);
  if (labels_.labelled && !is_link(dataset_.task.type)) fill_targets(out);
}

void BatchLoader::plant(const std::vector<int64_t>& rows, LoadedBatch& out) const {
  out.seeds.entity_type = dataset_.entity_type;
  out.seeds.target_type = dataset_.target_type;
  out.seeds.targets = 0;
  out.rows = rows;
  out.seeds.keys.clear();
  out.seeds.nodes.clear();
  out.seeds.time_us.clear();
  for (int64_t row : rows) {
    const NodeId node = labels_.entity[static_cast<size_t>(row)];
    if (labels_.time_us.empty())
      add_seed(node, std::nullopt, out.seeds);
    else
      add_seed(node, labels_.time_us[static_cast<size_t>(row)], out.seeds);
  }
}

void BatchLoader::grow(RngKey key, ThreadPool& pool, LoadedBatch& out) const {
  sampler_.sample(out.seeds, key, pool, out.batch);
  out.shallow_rows = &dataset_.shallow_rows;
}

void BatchLoader::gather(ThreadPool& pool, LoadedBatch& out) const {
  out.features.resize(dataset_.features.size());
  pool.for_each(static_cast<int64_t>(dataset_.features.size()), [&](int64_t i) {
    const auto type = static_cast<size_t>(i);
    dataset_.features[type].gather(out.batch.nodes[type].distinct, out.features[type]);
  });
}

void BatchLoader::fill_targets(LoadedBatch& out) const {
  const auto classes = static_cast<size_t>(dataset_.encoding.outputs());
  out.value.clear();
  out.class_id.clear();
  out.multi_hot.clear();
  for (int64_t seed_row : out.rows) {
    const auto row = static_cast<size_t>(seed_row);
    if (!labels_.value.empty()) out.value.push_back(labels_.value[row]);
    if (!labels_.class_id.empty()) out.class_id.push_back(labels_.class_id[row]);
    if (labels_.label_offsets.empty()) continue;
    const size_t begin = out.multi_hot.size();
    out.multi_hot.resize(begin + classes, 0.0f);
    for (int32_t i = labels_.label_offsets[row]; i < labels_.label_offsets[row + 1]; ++i)
      out.multi_hot[begin + static_cast<size_t>(labels_.label_ids[static_cast<size_t>(i)])] = 1.0f;
  }
}

}  // namespace rle
