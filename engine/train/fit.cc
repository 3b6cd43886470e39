#include "train/fit.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "nn/adam.h"
#include "train/batch_loader.h"
#include "train/best_epoch.h"
#include "train/evaluate.h"

namespace rle {
namespace {

std::vector<int64_t> labelled_rows(const LabelTable& labels) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < labels.rows; ++row)
    if (labels.has_label[static_cast<size_t>(row)] != 0) rows.push_back(row);
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
  bool train_epoch(int64_t epoch, EpochRecord& record);  // false: interrupted
  double step(int64_t epoch, int64_t index);
  bool validate(int64_t epoch, EpochRecord& record);  // false: interrupted
  void report_progress(int64_t epoch, int64_t index, double loss, double epoch_start);
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
  std::vector<float> best_values_;
  BatchLoader loader_;
  Adam adam_;
  LoadedBatch loaded_;
  std::vector<int64_t> batch_rows_;
  double start_ = 0;
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
      loss_(loss_kind(dataset.task.type)),
      rows_(labelled_rows(*dataset.train)),
      result_(initial_result(dataset, config, report)),
      best_(higher_is_better(result_.metric), config.patience),
      loader_(dataset, *dataset.train, config.sampler),
      adam_(result_.model->parameters(), AdamConfig{.weight_decay = config.weight_decay}) {
  const auto rows = static_cast<int64_t>(rows_.size());
  steps_ = (rows + config.train_batch_size - 1) / config.train_batch_size;
  if (config.max_iters) steps_ = std::min(steps_, *config.max_iters);
  RLE_CHECK(steps_ > 0 && config.n_epochs > 0 && config.eval_every > 0);
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
  loader_.load(batch_rows_, key_.with("sample").with("train").with(static_cast<uint64_t>(epoch)), pool_,
               loaded_);
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
  adam_.step(result_.model->parameters(), learning_rate(epoch), pool_);
  return step.loss;
}

void Loop::report_progress(int64_t epoch, int64_t index, double loss, double epoch_start) {
  if (!hooks_.progress) return;
  FitProgress progress{epoch + 1, config_.n_epochs, index + 1, steps_, loss};
  const double time = now(), in_epoch = time - epoch_start;
  if (in_epoch > 0) progress.seeds_per_second = static_cast<double>(seeds_before(index + 1)) / in_epoch;
  const auto done = static_cast<double>(epoch * steps_ + index + 1);
  const auto all = static_cast<double>(config_.n_epochs * steps_);
  progress.seconds_left = (time - start_) / done * (all - done);
  hooks_.progress(progress);
}

bool Loop::train_epoch(int64_t epoch, EpochRecord& record) {
  const double epoch_start = now();
  double weighted = 0;
  for (int64_t index = 0; index < steps_; ++index) {
    if (canceled()) return false;
    const double loss = step(epoch, index);
    weighted += loss * static_cast<double>(batch_rows_.size());
    report_progress(epoch, index, loss, epoch_start);
  }
  if (canceled()) return false;
  record.mean_loss = weighted / static_cast<double>(seeds_before(steps_));
  if (const double seconds = now() - epoch_start; seconds > 0)
    record.seeds_per_second = static_cast<double>(seeds_before(steps_)) / seconds;
  return true;
}

bool Loop::validate(int64_t epoch, EpochRecord& record) {
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
    best_values_ = result_.model->parameters().values();
    result_.best_metrics = record.validation;
  }
  return true;
}

FitResult Loop::run() {
  start_ = now();
  for (int64_t epoch = 0; epoch < config_.n_epochs; ++epoch) {
    EpochRecord record;
    record.epoch = epoch + 1;
    record.lr = learning_rate(epoch);
    const double epoch_start = now();
    try {
      result_.interrupted = !train_epoch(epoch, record) || !validate(epoch, record);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNumeric || !best_.epoch()) throw;
      result_.failure = error.what();
    }
    if (result_.interrupted || !result_.failure.empty()) break;
    record.seconds = now() - epoch_start;
    result_.epochs.push_back(record);
    if (hooks_.epoch_done) hooks_.epoch_done(record);
    if (best_.exhausted()) {
      result_.stopped_early = epoch + 1 < config_.n_epochs;
      break;
    }
  }
  result_.best_epoch = best_.epoch();
  if (result_.best_epoch) result_.model->parameters().values() = best_values_;
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
