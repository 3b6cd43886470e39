#include "train/fit.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "nn/adam.h"
#include "train/batch_loader.h"
#include "train/best_epoch.h"
#include "train/evaluate.h"
#include "train/link_loader.h"

namespace rle {
namespace {

// Whether a row of a link task has something to learn from; true for other tasks.
bool has_target(const LabelTable& labels, int64_t row) {
  const std::vector<int64_t>& offsets = labels.target_offsets;
  return offsets.empty() || offsets[static_cast<size_t>(row)] < offsets[static_cast<size_t>(row) + 1];
}

std::vector<int64_t> labelled_rows(const LabelTable& labels) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < labels.rows; ++row)
    if (labels.has_label[static_cast<size_t>(row)] != 0 && has_target(labels, row)) rows.push_back(row);
  return rows;
}

// The task's metric. Checked before the first step, not after the first epoch.
std::string chosen_metric(const TaskSpec& task) {
  const std::string metric = task.metric.value_or(default_metric(task.type));
  const std::vector<std::string> names = metric_names(task.type);
  if (std::find(names.begin(), names.end(), metric) == names.end())
    fail(ErrorCode::kSpec, "metric '{}' is not one of {} tasks{}", metric, to_string(task.type),
         suggestion(metric, names));
  return metric;
}

double metric_value(const std::vector<MetricValue>& metrics, const std::string& name) {
  for (const MetricValue& metric : metrics)
    if (metric.name == name) return metric.value;
  RLE_CHECK(false);
}

// One call of fit.
class Loop {
 public:
  Loop(const Dataset& dataset, const TrainConfig& config, ThreadPool& pool, Report& report,
       const FitHooks& hooks);
  FitResult run();

 private:
  void resume(FitState state);
  void fail_without_loss() const;
  bool train_epoch(EpochRecord& record);  // false: interrupted
  double step(int64_t epoch, int64_t index);
  bool validate(EpochRecord& record);  // false: interrupted
  void end_epoch(EpochRecord record);
  void report_progress(double loss);
  void keep_state_if_due();
  FitState state();
  double learning_rate(int64_t epoch) const;
  double now() const { return hooks_.clock ? hooks_.clock() : 0.0; }
  bool canceled() const { return hooks_.cancel != nullptr && hooks_.cancel->requested(); }
  int64_t seeds_before(int64_t index) const {
    return std::min(index * config_.train_batch_size, static_cast<int64_t>(rows_.size()));
  }

  const Dataset& dataset_;
  const TrainConfig& config_;
  ThreadPool& pool_;
  Report& report_;
  const FitHooks& hooks_;

  const RngKey key_;
  const LossKind loss_;
  const std::vector<int64_t> rows_;  // of the training split
  int64_t steps_;                    // an epoch
  FitResult result_;
  BestEpoch best_;
  std::shared_ptr<const std::vector<float>> best_values_;
  BatchLoader loader_;
  std::optional<LinkLoader> links_;
  Adam adam_;
  LoadedBatch loaded_;
  std::vector<int64_t> batch_rows_;
  FitCursor cursor_;
  double start_ = 0, epoch_start_ = 0;  // the clock's; of an epoch that was resumed: as if it had not stopped
  int64_t steps_before_ = 0;            // that were done when this call began
};

FitResult initial_result(const Dataset& dataset, const TrainConfig& config, Report& report) {
  FitResult result;
  result.metric = chosen_metric(dataset.task);
  result.bounds = decide_bounds(config.clamp, dataset.encoding, *dataset.train, report);
  result.model = std::make_unique<RelationalModel>(make_definition(dataset, config), config.seed);
  return result;
}

Loop::Loop(const Dataset& dataset, const TrainConfig& config, ThreadPool& pool, Report& report,
           const FitHooks& hooks)
    : dataset_(dataset),
      config_(config),
      pool_(pool),
      report_(report),
      hooks_(hooks),
      key_(config.seed),
      loss_(loss_kind(dataset.task.type, config.model)),
      rows_(labelled_rows(*dataset.train)),
      result_(initial_result(dataset, config, report)),
      best_(higher_is_better(result_.metric), config.patience),
      loader_(dataset, *dataset.train, config.sampler),
      adam_(result_.model->parameters(), AdamConfig{.weight_decay = config.weight_decay}) {
  if (is_link(dataset.task.type)) links_.emplace(dataset, *dataset.train, config);
  const auto rows = static_cast<int64_t>(rows_.size());
  steps_ = (rows + config.train_batch_size - 1) / config.train_batch_size;
  if (config.max_iters) steps_ = std::min(steps_, *config.max_iters);
  RLE_CHECK(steps_ > 0 && config.n_epochs > 0 && config.eval_every > 0);
  if (hooks.resume) resume(hooks.resume());
}

void Loop::resume(FitState state) {
  ParameterStore& parameters = result_.model->parameters();
  if (state.parameters.size() != parameters.values().size() || state.cursor.epoch > config_.n_epochs ||
      state.cursor.step > steps_)
    fail(ErrorCode::kIo,
         "the checkpoint does not fit the training: {} parameters, epoch {}, step {}, where the model has {} "
         "and the training {} epochs of {} steps",
         state.parameters.size(), state.cursor.epoch + 1, state.cursor.step, parameters.values().size(),
         config_.n_epochs, steps_);
  steps_before_ = state.steps();
  cursor_ = state.cursor;
  parameters.values() = std::move(state.parameters);
  adam_.restore(std::move(state.adam));
  best_.restore(state.best);
  best_values_ = std::move(state.best_parameters);
  result_.best_metrics = std::move(state.best_metrics);
  result_.epochs = std::move(state.epochs);
}

FitState Loop::state() {
  adam_.settle(pool_);
  FitState state = hooks_.spare_state ? hooks_.spare_state() : FitState{};
  state.cursor = cursor_;
  state.parameters = result_.model->parameters().values();
  state.adam = adam_.state();
  state.best = best_.state();
  state.best_parameters = best_values_;
  state.best_metrics = result_.best_metrics;
  state.epochs = result_.epochs;
  return state;
}

void Loop::keep_state_if_due() {
  if (hooks_.keep_state && hooks_.state_due && hooks_.state_due(adam_.steps())) hooks_.keep_state(state());
}

double Loop::learning_rate(int64_t epoch) const {
  if (config_.lr_schedule == LrSchedule::kConstant) return config_.lr;
  return cosine_lr(config_.lr, config_.eta_min, config_.t_max.value_or(config_.n_epochs), epoch);
}

double Loop::step(int64_t epoch, int64_t index) {
  const Permutation order(rows_.size(), key_.with("order").with(static_cast<uint64_t>(epoch)));
  batch_rows_.clear();
  for (int64_t i = seeds_before(index); i < seeds_before(index + 1); ++i)
    batch_rows_.push_back(rows_[order.at(static_cast<uint64_t>(i))]);
  const RngKey sample_key = key_.with("sample").with("train").with(static_cast<uint64_t>(epoch));
  if (links_)
    links_->load(batch_rows_, sample_key, pool_, loaded_);
  else
    loader_.load(batch_rows_, sample_key, pool_, loaded_);
  const double smoothing = config_.label_smoothing ? config_.label_smoothing_alpha : 0.0;
  const RngKey dropout =
      key_.with("dropout").with(static_cast<uint64_t>(epoch)).with(static_cast<uint64_t>(index));
  const StepResult step =
      result_.model->train_step(loaded_.input(), loss_, loaded_.targets(smoothing), dropout, pool_);
  if (!step.finite || !std::isfinite(step.loss))
    fail(ErrorCode::kNumeric,
         "training stopped: the loss is not finite in epoch {}, step {} of {}; the first module whose output "
         "was not finite is {}; try a lower learning rate (lr is {}), and look for extreme values among the "
         "features",
         epoch + 1, index + 1, steps_, step.first_not_finite.empty() ? "the loss" : step.first_not_finite,
         config_.lr);
  adam_.step(learning_rate(epoch), pool_);
  return step.loss;
}

void Loop::report_progress(double loss) {
  if (!hooks_.progress) return;
  FitProgress progress{cursor_.epoch + 1, config_.n_epochs, cursor_.step, steps_, loss};
  if (cursor_.seconds > 0)
    progress.seeds_per_second = static_cast<double>(seeds_before(cursor_.step)) / cursor_.seconds;
  const auto done = static_cast<double>(adam_.steps() - steps_before_);
  const auto left = static_cast<double>(config_.n_epochs * steps_ - adam_.steps());
  progress.seconds_left = (now() - start_) / done * left;
  hooks_.progress(progress);
}

void Loop::fail_without_loss() const {
  const TaskSpec& task = dataset_.task;
  fail(ErrorCode::kData, "task '{}': there is nothing to learn: {}", task.name,
       task.type == TaskType::kRepeatedLinkPrediction
           ? fmt::format(
                 "no row of table '{}' lies in the subgraph of any training row at its time; look at the "
                 "times of the tables between, give more fanouts, or use link_prediction",
                 task.target_table)
           : fmt::format(
                 "every training row links to all rows of table '{}' that are there at its time, so that "
                 "there are no negatives",
                 task.target_table));
}

bool Loop::train_epoch(EpochRecord& record) {
  epoch_start_ = now() - cursor_.seconds;
  while (cursor_.step < steps_) {
    if (canceled()) return false;
    const double loss = step(cursor_.epoch, cursor_.step);
    ++cursor_.step;
    cursor_.loss_sum += loss * static_cast<double>(batch_rows_.size());
    cursor_.seconds = now() - epoch_start_;
    report_progress(loss);
    keep_state_if_due();
  }
  adam_.settle(pool_);
  if (canceled()) return false;
  const bool all_seen = seeds_before(steps_) == static_cast<int64_t>(rows_.size());
  if (links_ && cursor_.epoch == 0 && all_seen && cursor_.loss_sum == 0) fail_without_loss();
  record.mean_loss = cursor_.loss_sum / static_cast<double>(seeds_before(steps_));
  if (cursor_.seconds > 0)
    record.seeds_per_second = static_cast<double>(seeds_before(steps_)) / cursor_.seconds;
  return true;
}

bool Loop::validate(EpochRecord& record) {
  const int64_t epoch = cursor_.epoch;
  if ((epoch + 1) % config_.eval_every != 0 && epoch + 1 != config_.n_epochs) return true;
  const ScoreOptions options{.sampler = config_.sampler,
                             .bounds = result_.bounds,
                             .seed = config_.seed,
                             .batch_size = config_.val_batch_size,
                             .cancel = hooks_.cancel};
  try {
    record.validation = evaluate(*result_.model, dataset_, *dataset_.validation, options, pool_).metrics;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInterrupted) return false;
    if (error.code() != ErrorCode::kNumeric) throw;
    fail(ErrorCode::kNumeric, "training stopped after epoch {} (step {} of {}; lr is {}): {}", epoch + 1,
         steps_, steps_, config_.lr, error.what());
  }
  const double value = metric_value(record.validation, result_.metric);
  if (std::isnan(value) && !best_.epoch())
    report_.warning(
        "the validation metric {} is not defined on the {} rows of the validation split: the last epoch is "
        "kept",
        result_.metric, dataset_.validation->rows);
  record.best = best_.observe(epoch + 1, value);
  if (record.best) {
    best_values_ = std::make_shared<const std::vector<float>>(result_.model->parameters().values());
    result_.best_metrics = record.validation;
  }
  return true;
}

void Loop::end_epoch(EpochRecord record) {
  record.seconds = now() - epoch_start_;
  result_.epochs.push_back(std::move(record));
  cursor_ = FitCursor{.epoch = cursor_.epoch + 1};
  if (hooks_.epoch_done) hooks_.epoch_done(result_.epochs.back());
  keep_state_if_due();
}

FitResult Loop::run() {
  start_ = now();
  while (cursor_.epoch < config_.n_epochs && !best_.exhausted()) {
    EpochRecord record;
    record.epoch = cursor_.epoch + 1;
    record.lr = learning_rate(cursor_.epoch);
    try {
      result_.interrupted = !train_epoch(record) || !validate(record);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNumeric || !best_.epoch()) throw;
      result_.failure = error.what();
    }
    if (result_.interrupted || !result_.failure.empty()) break;
    end_epoch(std::move(record));
  }
  adam_.settle(pool_);
  if (result_.interrupted && hooks_.keep_state && adam_.steps() > 0) hooks_.keep_state(state());
  result_.stopped_early = best_.exhausted() && cursor_.epoch < config_.n_epochs;
  result_.best_epoch = best_.epoch();
  if (result_.best_epoch) result_.model->parameters().values() = *best_values_;
  return std::move(result_);
}

}  // namespace

FitResult fit(const Dataset& dataset, const TrainConfig& config, ThreadPool& pool, Report& report,
              const FitHooks& hooks) {
  RLE_CHECK(dataset.train.has_value());
  if (!dataset.validation)
    fail(ErrorCode::kSpec,
         "task '{}' has no validation table, which chooses the best epoch; give one under task",
         dataset.task.name);
  return Loop(dataset, config, pool, report, hooks).run();
}

TrainedModel make_trained_model(const Dataset& dataset, const TrainConfig& config, const FitResult& result) {
  TrainedModel trained;
  trained.definition = result.model->definition();
  trained.tables = dataset.tables;
  trained.shallow_keys = dataset.shallow_keys;
  trained.task = dataset.task;
  trained.task.train = trained.task.validation = trained.task.test = std::nullopt;
  trained.encoding = dataset.encoding;
  trained.config = config;
  trained.bounds = result.bounds;
  trained.last_training_time_us = dataset.last_training_time_us;
  trained.best_epoch = result.best_epoch;
  trained.metric = result.metric;
  trained.validation_metrics = result.best_metrics;
  trained.parameters = copy_parameters(result.model->parameters());
  return trained;
}

}  // namespace rle
