#include "train/link_ranking.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "kernel/top_k.h"
#include "train/batch_loader.h"
#include "train/exact_inference.h"
#include "train/nodes_by_seed.h"
#include "train/time_groups.h"

namespace rle {
namespace {

// A target of one row, with what it is ranked by.
struct Candidate {
  float score = 0;
  uint32_t item = 0;  // position among the visible targets in the order of their keys
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

}  // namespace

int64_t count_visible(const Graph& graph, NodeTypeId type, std::optional<int64_t> time_us,
                      bool current_time) {
  return graph.visible_end(type, Graph::latest_visible_us(time_us, current_time));
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
        exact_(options.inference == InferenceMode::kExact),
        key_(RngKey(options.seed).with("sample").with("predict")),
        loader_(dataset, labels, options.sampler),
        k_(dataset.task.eval_k),
        item_of_(dataset.targets_by_key.size()) {
    ranked_.offsets.push_back(0);
  }

  RankedTargets run() {
    for (int64_t begin = 0; begin < labels_.rows;) {
      const TimeGroup group = group_at(labels_, begin);
      number_items(group.time_us);
      if (has_towers(readout_)) index_items(group.time_us);
      if (!has_towers(readout_) && options_.vectors != nullptr) keep_own_vectors(group);
      const int64_t rows = exact_ ? group.end - group.begin : options_.batch_size;
      for (int64_t row = group.begin; row < group.end; row += rows)
        rank_rows(row, std::min(row + rows, group.end), group.time_us);
      begin = group.end;
    }
    return std::move(ranked_);
  }

 private:
  void number_items(std::optional<int64_t> time_us) {
    items_ = visible_targets(dataset_, time_us);
    for (size_t i = 0; i < items_.size(); ++i) item_of_[items_[i]] = static_cast<uint32_t>(i);
  }

  void index_items(std::optional<int64_t> time_us) {
    const std::vector<float> vectors =
        link_vectors(model_, dataset_, dataset_.target_type, items_, time_us, options_, pool_);
    const int64_t width = seed_outputs(model_.definition()), channels = model_.definition().config.channels;
    if (options_.vectors != nullptr) keep_items(vectors, time_us);
    index_.emplace(ConstMatrix(vectors.data(), static_cast<int64_t>(items_.size()), channels, width));
  }

  // The channels of rows of embedding_width.
  void keep(const std::vector<float>& vectors, std::vector<float>& kept) const {
    const auto width = embedding_width(model_.definition()), channels = model_.definition().config.channels;
    for (auto row = vectors.begin(); row != vectors.end(); row += width)
      kept.insert(kept.end(), row, row + channels);
  }

  void keep_items(const std::vector<float>& vectors, std::optional<int64_t> time_us) {
    ScoredVectors& out = *options_.vectors;
    keep(vectors, out.targets);
    out.target.insert(out.target.end(), items_.begin(), items_.end());
    if (time_us) out.target_time_us.insert(out.target_time_us.end(), items_.size(), *time_us);
  }

  // Of both ends, where no score is made of two vectors.
  void keep_own_vectors(const TimeGroup& group) {
    const auto vectors = [&](NodeTypeId type, const std::vector<NodeId>& nodes) {
      return link_vectors(model_, dataset_, type, nodes, group.time_us, options_, pool_);
    };
    keep(vectors(dataset_.entity_type,
                 {labels_.entity.begin() + group.begin, labels_.entity.begin() + group.end}),
         options_.vectors->rows);
    keep_items(vectors(dataset_.target_type, items_), group.time_us);
  }

  void score(int64_t begin, int64_t end) {
    std::vector<int64_t> rows(static_cast<size_t>(end - begin));
    std::iota(rows.begin(), rows.end(), begin);
    loader_.load(rows, key_, pool_, loaded_);
    check_finite(model_.predict(loaded_.input(), pool_, outputs_), labels_, begin, end);
  }

  // As ModelOutputs::seeds.
  std::vector<float> exact_vectors(int64_t begin, int64_t end, std::optional<int64_t> time_us) {
    std::vector<NodeId> entities(labels_.entity.begin() + begin, labels_.entity.begin() + end);
    std::sort(entities.begin(), entities.end());
    entities.erase(std::unique(entities.begin(), entities.end()), entities.end());
    const std::vector<float> vectors =
        link_vectors(model_, dataset_, dataset_.entity_type, entities, time_us, options_, pool_);
    const int64_t width = seed_outputs(model_.definition());
    std::vector<float> out;
    for (int64_t row = begin; row < end; ++row) {
      const NodeId entity = labels_.entity[static_cast<size_t>(row)];
      const auto at = std::lower_bound(entities.begin(), entities.end(), entity) - entities.begin();
      out.insert(out.end(), vectors.begin() + at * width, vectors.begin() + (at + 1) * width);
    }
    return out;
  }

  void rank_rows(int64_t begin, int64_t end, std::optional<int64_t> time_us) {
    if (exact_)
      outputs_.seeds = exact_vectors(begin, end, time_us);
    else
      score(begin, end);
    if (reads_targets(readout_))
      seen_ = nodes_by_seed(
          loaded_.batch.nodes[dataset_.target_type.index()],
          std::vector<NodeId>(static_cast<size_t>(loaded_.size()), static_cast<NodeId>(items_.size())));
    if (has_towers(readout_)) search_towers(end - begin);
    if (has_towers(readout_) && options_.vectors != nullptr) keep(outputs_.seeds, options_.vectors->rows);
    std::vector<Candidate> candidates;
    for (size_t i = 0; i < static_cast<size_t>(end - begin); ++i) {
      candidates.clear();
      if (reads_targets(readout_)) add_subgraph(i, candidates);
      if (has_towers(readout_)) add_found(i, candidates);
      keep_best(candidates, k_);
      for (const Candidate& c : candidates) {
        ranked_.target.push_back(items_[c.item]);
        ranked_.score.push_back(readout_ == Readout::kTargets ? static_cast<float>(logistic(c.score))
                                                              : c.score);
      }
      ranked_.offsets.push_back(static_cast<int64_t>(ranked_.target.size()));
    }
    report_progress(options_, end, labels_.rows);
  }

  uint32_t item_at(int32_t node) const {
    const NodeBlock& block = loaded_.batch.nodes[dataset_.target_type.index()];
    return item_of_[block.distinct[static_cast<size_t>(block.row[static_cast<size_t>(node)])]];
  }

  void add_subgraph(size_t i, std::vector<Candidate>& candidates) const {
    for (int64_t e = seen_.offsets[i]; e < seen_.offsets[i + 1]; ++e) {
      const int32_t node = seen_.node[static_cast<size_t>(e)];
      candidates.push_back({outputs_.targets[static_cast<size_t>(node)], item_at(node)});
    }
  }

  // The best of the targets outside of the seeds' subgraphs; two towers: of all.
  void search_towers(int64_t rows) {
    const int64_t width = seed_outputs(model_.definition()), channels = model_.definition().config.channels;
    TopKRequest request;
    request.queries = {outputs_.seeds.data(), rows, channels, width};
    request.k = k_;
    std::vector<uint32_t> excluded;
    if (readout_ == Readout::kFusion) {
      for (size_t i = 0; i < static_cast<size_t>(rows); ++i) {
        const auto begin = static_cast<std::ptrdiff_t>(excluded.size());
        for (int64_t e = seen_.offsets[i]; e < seen_.offsets[i + 1]; ++e)
          excluded.push_back(item_at(seen_.node[static_cast<size_t>(e)]));
        std::sort(excluded.begin() + begin, excluded.end());
      }
      request.excluded_offsets = seen_.offsets.data();
      request.excluded = excluded.data();
    }
    found_ = index_->search(request, pool_);
  }

  void add_found(size_t i, std::vector<Candidate>& candidates) const {
    const int64_t width = seed_outputs(model_.definition()), channels = model_.definition().config.channels;
    const float more = readout_ == Readout::kFusion
                           ? outputs_.seeds[i * static_cast<size_t>(width) + static_cast<size_t>(channels)]
                           : 0.0f;
    for (int64_t e = found_.offsets[i]; e < found_.offsets[i + 1]; ++e)
      candidates.push_back(
          {found_.score[static_cast<size_t>(e)] + more, found_.item[static_cast<size_t>(e)]});
  }

  RelationalModel& model_;
  const Dataset& dataset_;
  const LabelTable& labels_;
  const ScoreOptions& options_;
  ThreadPool& pool_;
  const Readout readout_;
  const bool exact_;
  const RngKey key_;
  const BatchLoader loader_;
  const int64_t k_;
  std::vector<uint32_t> item_of_;  // per target node, of the current time
  std::vector<NodeId> items_;
  std::optional<TopKIndex> index_;  // of the items' vectors
  LoadedBatch loaded_;
  ModelOutputs outputs_;
  NodesBySeed seen_;
  TopK found_;
  RankedTargets ranked_;
};

void check_vectors(const std::string& not_finite, const Dataset& dataset, NodeTypeId type) {
  if (not_finite.empty()) return;
  fail(ErrorCode::kNumeric,
       "the vector of a row of table '{}' is not finite; the first module whose output was not finite is {}; "
       "look for extreme values among the features, or train with a lower learning rate",
       dataset.graph.schema().node_types[type.index()].name, not_finite);
}

}  // namespace

std::vector<float> link_vectors(RelationalModel& model, const Dataset& dataset, NodeTypeId type,
                                const std::vector<NodeId>& nodes, std::optional<int64_t> time_us,
                                const ScoreOptions& options, ThreadPool& pool) {
  std::vector<float> out, part;
  out.reserve(nodes.size() * static_cast<size_t>(embedding_width(model.definition())));
  if (options.inference == InferenceMode::kExact) {
    check_vectors(vectors_exactly(model, dataset, type, nodes, time_us, pool, out), dataset, type);
    return out;
  }
  const RngKey key = RngKey(options.seed).with("sample").with("predict");
  const LabelTable none;
  const BatchLoader loader(dataset, none, options.sampler);
  const auto count = static_cast<int64_t>(nodes.size());
  LoadedBatch loaded;
  for (int64_t begin = 0; begin < count; begin += options.batch_size) {
    loaded.seeds = Seeds{dataset.entity_type, {}, {}, {}, dataset.target_type, 0};
    for (int64_t i = begin; i < std::min(begin + options.batch_size, count); ++i)
      add_seed(nodes[static_cast<size_t>(i)], time_us, loaded.seeds);
    if (type == dataset.target_type) loaded.seeds.targets = loaded.seeds.size();
    loader.grow(key, pool, loaded);
    loader.gather(pool, loaded);
    check_vectors(model.embed(loaded.input(), pool, part), dataset, type);
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
  if (options.inference == InferenceMode::kExact) check_exact_inference(model.definition().config);
  return Ranker(model, dataset, labels, options, pool).run();
}

}  // namespace rle
