#include "train/link_ranking.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "train/batch_loader.h"
#include "train/time_groups.h"

namespace rle {
namespace {

// A target of one row, with what it is ranked by.
struct Candidate {
  float score = 0;
  int32_t item = 0;  // position among the visible targets in the order of their keys
};

bool better(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.item < b.item;
}

void keep_best(std::vector<Candidate>& candidates, int64_t k) {
  const auto kept = std::min(candidates.size(), static_cast<size_t>(k));
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept),
                    candidates.end(), better);
  candidates.resize(kept);
}

// The nodes of the target type in each seed's subgraph.
struct SubgraphTargets {
  std::vector<int64_t> offsets;  // (seeds + 1)
  std::vector<Candidate> candidates;
};

}  // namespace

int64_t count_visible(const Graph& graph, NodeTypeId type, std::optional<int64_t> time_us,
                      bool current_time) {
  SeedLimits limits;
  graph.seed_limits(time_us ? &*time_us : nullptr, 1, current_time, limits);
  return limits.end[type.index()];
}

std::vector<NodeId> visible_targets(const Dataset& dataset, std::optional<int64_t> time_us) {
  const int64_t visible =
      count_visible(dataset.graph, dataset.target_type, time_us, dataset.task.current_time);
  std::vector<NodeId> out;
  out.reserve(static_cast<size_t>(visible));
  for (const NodeId node : dataset.targets_by_key)
    if (node < visible) out.push_back(node);
  return out;
}

namespace {

// One call of rank_links.
class Ranker {
 public:
  Ranker(RelationalModel& model, const Dataset& dataset, const LabelTable& labels,
         const ScoreOptions& options, ThreadPool& pool)
      : model_(model),
        dataset_(dataset),
        labels_(labels),
        options_(options),
        pool_(pool),
        readout_(model.definition().readout),
        key_(RngKey(options.seed).with("sample").with("predict")),
        loader_(dataset, labels, options.sampler),
        k_(dataset.task.eval_k),
        item_of_(dataset.targets_by_key.size(), -1) {
    ranked_.offsets.push_back(0);
  }

  RankedTargets run() {
    for (int64_t begin = 0; begin < labels_.rows;) {
      const TimeGroup group = group_at(labels_, begin);
      number_items(group.time_us);
      if (has_towers(readout_))
        item_vectors_ =
            link_vectors(model_, dataset_, dataset_.target_type, items_, group.time_us, options_, pool_);
      for (int64_t row = group.begin; row < group.end; row += options_.batch_size)
        rank_rows(row, std::min(row + options_.batch_size, group.end));
      begin = group.end;
    }
    return std::move(ranked_);
  }

 private:
  void number_items(std::optional<int64_t> time_us) {
    items_ = visible_targets(dataset_, time_us);
    for (size_t i = 0; i < items_.size(); ++i) item_of_[items_[i]] = static_cast<int32_t>(i);
  }

  void rank_rows(int64_t begin, int64_t end) {
    std::vector<int64_t> rows(static_cast<size_t>(end - begin));
    std::iota(rows.begin(), rows.end(), begin);
    loader_.plant(rows, loaded_);
    loader_.grow(key_, pool_, loaded_);
    loader_.gather(pool_, loaded_);
    const std::string not_finite = model_.predict(loaded_.input(), pool_, outputs_);
    check_finite(not_finite, labels_, begin, end);
    if (reads_targets(readout_)) collect_subgraphs();
    for (int64_t i = 0; i < end - begin; ++i) {
      std::vector<Candidate> candidates;
      if (reads_targets(readout_))
        candidates.assign(subgraphs_.candidates.begin() + subgraphs_.offsets[static_cast<size_t>(i)],
                          subgraphs_.candidates.begin() + subgraphs_.offsets[static_cast<size_t>(i) + 1]);
      if (has_towers(readout_)) add_by_towers(i, candidates);
      keep_best(candidates, k_);
      for (const Candidate& c : candidates) {
        ranked_.target.push_back(items_[static_cast<size_t>(c.item)]);
        ranked_.score.push_back(readout_ == Readout::kTargets ? static_cast<float>(logistic(c.score))
                                                              : c.score);
      }
      ranked_.offsets.push_back(static_cast<int64_t>(ranked_.target.size()));
    }
    report_progress(options_, end, labels_.rows);
  }

  void collect_subgraphs() {
    const NodeBlock& block = loaded_.batch.nodes[dataset_.target_type.index()];
    subgraphs_.offsets.assign(static_cast<size_t>(loaded_.size()) + 1, 0);
    for (const int32_t seed : block.seed) ++subgraphs_.offsets[static_cast<size_t>(seed) + 1];
    for (size_t s = 1; s < subgraphs_.offsets.size(); ++s) subgraphs_.offsets[s] += subgraphs_.offsets[s - 1];
    std::vector<int64_t> next(subgraphs_.offsets.begin(), subgraphs_.offsets.end() - 1);
    subgraphs_.candidates.resize(block.seed.size());
    for (size_t n = 0; n < block.seed.size(); ++n) {
      const int32_t item = item_of_[block.distinct[static_cast<size_t>(block.row[n])]];
      subgraphs_.candidates[static_cast<size_t>(next[static_cast<size_t>(block.seed[n])]++)] = {
          outputs_.targets[n], item};
    }
  }

  void add_by_towers(int64_t i, std::vector<Candidate>& candidates) const {
    const int64_t width = seed_outputs(model_.definition()), channels = model_.definition().config.channels;
    const float* source = outputs_.seeds.data() + i * width;
    const float offset = readout_ == Readout::kFusion ? source[channels] : 0.0f;
    std::vector<int32_t> seen;
    for (const Candidate& c : candidates) seen.push_back(c.item);
    std::sort(seen.begin(), seen.end());
    for (size_t item = 0; item < items_.size(); ++item) {
      if (std::binary_search(seen.begin(), seen.end(), static_cast<int32_t>(item))) continue;
      const float* target = item_vectors_.data() + static_cast<int64_t>(item) * width;
      candidates.push_back(
          {std::inner_product(source, source + channels, target, 0.0f) + offset, static_cast<int32_t>(item)});
    }
  }

  RelationalModel& model_;
  const Dataset& dataset_;
  const LabelTable& labels_;
  const ScoreOptions& options_;
  ThreadPool& pool_;
  const Readout readout_;
  const RngKey key_;
  const BatchLoader loader_;
  const int64_t k_;
  std::vector<int32_t> item_of_;  // per target node, of the current time
  std::vector<NodeId> items_;
  std::vector<float> item_vectors_;  // (items, embedding_width)
  LoadedBatch loaded_;
  ModelOutputs outputs_;
  SubgraphTargets subgraphs_;
  RankedTargets ranked_;
};

}  // namespace

std::vector<float> link_vectors(RelationalModel& model, const Dataset& dataset, NodeTypeId type,
                                const std::vector<NodeId>& nodes, std::optional<int64_t> time_us,
                                const ScoreOptions& options, ThreadPool& pool) {
  const RngKey key = RngKey(options.seed).with("sample").with("predict");
  const BatchLoader loader(dataset, LabelTable{}, options.sampler);
  const auto count = static_cast<int64_t>(nodes.size());
  LoadedBatch loaded;
  std::vector<float> out, part;
  out.reserve(nodes.size() * static_cast<size_t>(embedding_width(model.definition())));
  for (int64_t begin = 0; begin < count; begin += options.batch_size) {
    loaded.seeds = Seeds{dataset.entity_type, {}, {}, {}, dataset.target_type, 0};
    for (int64_t i = begin; i < std::min(begin + options.batch_size, count); ++i)
      add_seed(nodes[static_cast<size_t>(i)], time_us, loaded.seeds);
    if (type == dataset.target_type) loaded.seeds.targets = loaded.seeds.size();
    loader.grow(key, pool, loaded);
    loader.gather(pool, loaded);
    const std::string not_finite = model.embed(loaded.input(), pool, part);
    if (!not_finite.empty())
      fail(ErrorCode::kNumeric,
           "the vector of a row of table '{}' is not finite; the first module whose output was not finite is "
           "{}; "
           "look for extreme values among the features, or train with a lower learning rate",
           dataset.graph.schema().node_types[type.index()].name, not_finite);
    out.insert(out.end(), part.begin(), part.end());
    if (options.cancel != nullptr && options.cancel->requested())
      fail(ErrorCode::kInterrupted, "interrupted after the vectors of {} of {} rows of table '{}'", begin,
           count, dataset.graph.schema().node_types[type.index()].name);
  }
  return out;
}

RankedTargets rank_links(RelationalModel& model, const Dataset& dataset, const LabelTable& labels,
                         const ScoreOptions& options, ThreadPool& pool) {
  RLE_CHECK(is_link(dataset.task.type) && options.batch_size > 0);
  return Ranker(model, dataset, labels, options, pool).run();
}

}  // namespace rle
