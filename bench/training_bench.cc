#include "bench/training_bench.h"

#include <numeric>
#include <optional>

#include "base/error.h"
#include "bench/batch_builder.h"
#include "bench/measure.h"
#include "nn/adam.h"
#include "train/link_loader.h"
#include "train/outputs.h"

namespace rle {
namespace {

// Rows that a step may learn from.
std::vector<int64_t> training_rows(const LabelTable& labels) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < labels.rows; ++row) {
    const auto at = static_cast<size_t>(row);
    if (labels.target_offsets.empty() || labels.target_offsets[at] < labels.target_offsets[at + 1])
      rows.push_back(row);
  }
  return rows;
}

class SampledBatches : public BatchSource {
 public:
  SampledBatches(const Dataset& dataset, const TrainConfig& config)
      : rows_(training_rows(*dataset.train)),
        batch_size_(config.train_batch_size),
        key_(config.seed),
        order_(rows_.size(), key_),
        loader_(dataset, *dataset.train, config.sampler) {
    if (is_link(dataset.task.type)) links_.emplace(dataset, *dataset.train, config);
  }

  StepInput load(int64_t step, ThreadPool& pool, StepMarks& marks) override {
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < batch_size_; ++i) {
      const auto place = static_cast<uint64_t>(step * batch_size_ + i) % rows_.size();
      rows.push_back(rows_[order_.at(place)]);
    }
    const RngKey key = key_.with(static_cast<uint64_t>(step));
    if (links_) {
      links_->load(rows, key, pool, loaded_, &marks);
    } else {
      loader_.load(rows, key, pool, loaded_);
      marks.mark("sample and gather");
    }
    return {loaded_.input(), loaded_.targets(0), loaded_.size()};
  }

 private:
  std::vector<int64_t> rows_;
  int64_t batch_size_;
  RngKey key_;
  Permutation order_;
  BatchLoader loader_;
  std::optional<LinkLoader> links_;
  LoadedBatch loaded_;
};

class FolderBatches : public BatchSource {
 public:
  FolderBatches(const std::filesystem::path& folder, const Dataset& dataset, const TrainConfig& config,
                ThreadPool& pool)
      : dataset_(dataset),
        builder_(dataset, static_cast<int64_t>(config.sampler.fanouts.size())),
        files_(batch_files(folder)) {
    for (size_t i = 0; i < files_.size(); ++i) builder_.check(read(i), pool);
  }

  StepInput load(int64_t step, ThreadPool& pool, StepMarks& marks) override {
    file_ = read(static_cast<size_t>(step) % files_.size());
    builder_.build(file_, pool, batch_);
    if (file_.targets > 0) pair_up();
    marks.mark("read batch file");
    features_.resize(dataset_.features.size());
    pool.for_each(static_cast<int64_t>(features_.size()), [&](int64_t i) {
      const auto type = static_cast<size_t>(i);
      dataset_.features[type].gather(batch_.nodes[type].distinct, features_[type]);
    });
    marks.mark("feature gather");
    StepInput input;
    input.model = {&batch_, &features_, &dataset_.shallow_rows};
    input.targets.value = file_.label.data();
    input.targets.pairs = pairs_.view();
    input.rows = file_.sources();
    return input;
  }

 private:
  BatchFile read(size_t i) const {
    return read_batch_file(files_[i], dataset_.graph.schema(), is_link(dataset_.task.type));
  }
  void pair_up() {
    pairs_.source.resize(file_.positive.size());
    std::iota(pairs_.source.begin(), pairs_.source.end(), 0);
    pairs_.positive = file_.positive;
    pairs_.negative = file_.negative;
    pairs_.negatives = file_.negatives();
  }

  const Dataset& dataset_;
  BatchBuilder builder_;
  std::vector<std::filesystem::path> files_;
  BatchFile file_;
  LoadedPairs pairs_;
  Batch batch_;
  std::vector<FeatureRows> features_;
};

BatchSize size_of(const StepInput& input) {
  const Batch& batch = *input.model.batch;
  BatchSize size;
  size.seeds = input.rows;
  for (const NodeBlock& block : batch.nodes) {
    size.nodes += block.nodes();
    size.distinct += static_cast<int64_t>(block.distinct.size());
  }
  for (const EdgeBlock& block : batch.edges) size.edges += block.edges();
  return size;
}

}  // namespace

std::unique_ptr<BatchSource> sampled_batches(const Dataset& dataset, const TrainConfig& config) {
  return std::make_unique<SampledBatches>(dataset, config);
}

std::unique_ptr<BatchSource> batches_of_folder(const std::filesystem::path& folder, const Dataset& dataset,
                                               const TrainConfig& config, ThreadPool& pool) {
  return std::make_unique<FolderBatches>(folder, dataset, config, pool);
}

class TrainingBench::Marks : public StepMarks {
 public:
  void start() { last_ = start_ = now_s(); }
  void mark(const char* part) override {
    const double time = now_s();
    add(part, time - last_);
    last_ = time;
  }
  void end() { add("step", now_s() - start_); }
  void clear() { parts_.clear(); }
  const std::vector<std::pair<std::string, std::vector<double>>>& parts() const { return parts_; }

 private:
  void add(const std::string& part, double seconds) {
    for (auto& [name, values] : parts_)
      if (name == part) return values.push_back(seconds * 1e3);
    parts_.push_back({part, {seconds * 1e3}});
  }

  double start_ = 0, last_ = 0;
  std::vector<std::pair<std::string, std::vector<double>>> parts_;
};

struct TrainingBench::Trained {
  Trained(const Dataset& dataset, const TrainConfig& config)
      : model(make_definition(dataset, config), config.seed),
        adam(model.parameters(), {.weight_decay = config.weight_decay}) {}
  RelationalModel model;
  Adam adam;
};

TrainingBench::TrainingBench(const Dataset& dataset, const TrainConfig& config, BatchSource& batches,
                             ThreadPool& pool)
    : config_(config),
      batches_(batches),
      pool_(pool),
      loss_(loss_kind(dataset.task.type, config.model)),
      trained_(std::make_unique<Trained>(dataset, config)),
      marks_(std::make_unique<Marks>()) {
  trained_->model.set_marks(marks_.get());
}

TrainingBench::~TrainingBench() = default;

double TrainingBench::step(int64_t index) {
  marks_->start();
  const StepInput input = batches_.load(index, pool_, *marks_);
  const RngKey dropout = RngKey(config_.seed).with(++steps_);
  const StepResult result = trained_->model.train_step(input.model, loss_, input.targets, dropout, pool_);
  trained_->adam.step(config_.lr, pool_);
  marks_->mark("optimizer");
  marks_->end();
  if (!result.finite)
    fail(ErrorCode::kNumeric, "the loss is not finite at step {} ({}); config.lr is {}", steps_,
         result.first_not_finite, config_.lr);
  batch_ = size_of(input);
  return result.loss;
}

void TrainingBench::warm_up(int64_t steps) {
  for (int64_t i = 0; i < steps; ++i) step(i);
  marks_->clear();
}

PassResult TrainingBench::pass(int64_t steps) {
  PassResult result;
  int64_t seeds = 0;
  const Watch watch;
  for (int64_t i = 0; i < steps; ++i) {
    result.losses.push_back(step(i));
    seeds += batch_.seeds;
  }
  trained_->adam.settle(pool_);  // what the steps of this pass put off
  result.wall_s = watch.wall_s();
  result.others = watch.others();
  result.seeds_per_s = static_cast<double>(seeds) / result.wall_s;
  return result;
}

int64_t TrainingBench::parameters() const { return trained_->model.parameters().size(); }

// Values that the last step updated.
int64_t TrainingBench::updated() const {
  const ParameterStore& store = trained_->model.parameters();
  int64_t count = 0;
  for (const ParameterStore::Entry& entry : store.entries())
    if (!entry.by_row) count += entry.size;
  for (const ParameterRows& touched : store.touched())
    count += static_cast<int64_t>(touched.rows.size()) *
             store.entries()[static_cast<size_t>(touched.id.value)].shape[1];
  return count;
}

StepCosts TrainingBench::costs(int64_t steps) {
  StepCosts sum;
  Marks unread;
  for (int64_t i = 0; i < steps; ++i)
    add_costs(step_costs(trained_->model.definition(), batches_.load(i, pool_, unread).model, updated()),
              sum);
  for (auto& [part, cost] : sum) {
    cost.flop /= static_cast<double>(steps);
    cost.bytes /= static_cast<double>(steps);
    cost.bf16_flop /= static_cast<double>(steps);
  }
  return sum;
}

std::vector<std::pair<std::string, double>> TrainingBench::parts_ms() const {
  std::vector<std::pair<std::string, double>> medians;
  for (const auto& [name, values] : marks_->parts())
    if (name != "step") medians.push_back({name, median(values)});
  for (const auto& [name, values] : marks_->parts())
    if (name == "step") medians.push_back({name, median(values)});
  return medians;
}

}  // namespace rle
