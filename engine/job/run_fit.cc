#include "base/error.h"
#include "job/checkpoints.h"
#include "job/load_data.h"
#include "job/model_folder.h"
#include "job/precision.h"
#include "job/run_job.h"

namespace rle {
namespace {

struct TrainingData {
  Dataset dataset;
  nlohmann::ordered_json identity;  // content of tables and labels; null where nobody asks
};

TrainingData load_training_data(const JobSpec& spec, bool identify, const RunContext& context) {
  const SplitChoice splits{.train = true, .validation = true, .test = true};
  SourceReader reader(spec.base_folder);
  check_sources(reader, spec, splits);
  LoadedData data = load_data(reader, spec, splits, context.report, context.cancel);
  TrainingData out;
  if (identify) out.identity["tables"] = tables_identity(data.tables);
  DatasetInput input = dataset_input(data, spec);
  input.task = *spec.task;
  input.shallow_embeddings = spec.train.model.shallow_embeddings;
  out.dataset = build_training_dataset(std::move(input), context.pool, context.report);
  const Dataset& dataset = out.dataset;
  if (identify) out.identity["labels"] = labels_identity(dataset);
  std::vector<const LabelTable*> labels{&*dataset.train, &*dataset.validation};
  if (dataset.test) labels.push_back(&*dataset.test);
  check_split_times(labels, context.report);
  return out;
}

// A training that met a value that is not finite would meet it again.
FitResult train(const Dataset& dataset, const TrainConfig& config, Checkpoints& checkpoints,
                const FitHooks& hooks, const RunContext& context) {
  try {
    return fit(dataset, config, context.pool, context.report, hooks);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNumeric) checkpoints.remove();
    throw;
  }
}

FitHooks with_log(FitHooks hooks, MetricsLog& log, const CancelToken* cancel) {
  hooks.cancel = cancel;
  hooks.epoch_done = [shown = hooks.epoch_done, &log](const EpochRecord& record) {
    log.epoch(record);
    if (shown) shown(record);
  };
  return hooks;
}

void log_scores(const std::vector<SplitScore>& scores, std::optional<int64_t> best_epoch, MetricsLog& log) {
  for (const SplitScore& score : scores)
    log.write({{"split", score.split},
               {"epoch", best_epoch ? nlohmann::ordered_json(*best_epoch) : nlohmann::ordered_json(nullptr)},
               {"rows", score.rows},
               {"metrics", metrics_json(score.metrics)}});
}

FitOutcome outcome_of(const FitResult& result, double seconds) {
  FitOutcome outcome;
  outcome.epochs = static_cast<int64_t>(result.epochs.size());
  outcome.best_epoch = result.best_epoch;
  outcome.metric = result.metric;
  outcome.interrupted = result.interrupted;
  outcome.stopped_early = result.stopped_early;
  outcome.seconds = seconds;
  outcome.parameters = static_cast<int64_t>(result.model->parameters().values().size());
  return outcome;
}

}  // namespace

FitOutcome run_fit(const JobSpec& spec, const FitRequest& request, FitHooks hooks,
                   const RunContext& context) {
  const auto clock = hooks.clock ? hooks.clock : [] { return 0.0; };
  const double begin = clock();
  require_splits(spec, {.train = true, .validation = true}, "fit");
  check_precision(spec);
  check_model_folder(request.model_folder, request.resume);
  tell_device(spec.device, context.report);
  std::optional<ModelFolder> folder;  // the last to go: what is in it may go before
  Checkpoints checkpoints(spec, request.model_folder, request.resume, context.report);
  TrainingData data = load_training_data(spec, checkpoints.needs_data(), context);
  const Dataset& dataset = data.dataset;

  folder.emplace(request.model_folder);
  check_model_folder(request.model_folder, request.resume);  // another run may have ended meanwhile
  checkpoints.open(std::move(data.identity), hooks);
  MetricsLog log(request.model_folder, checkpoints.former_epochs());
  const double start = clock();
  hooks = with_log(std::move(hooks), log, context.cancel);
  const FitResult result = train(dataset, spec.train, checkpoints, hooks, context);
  FitOutcome outcome = outcome_of(result, clock() - start);
  outcome.data_seconds = start - begin;
  if (result.interrupted) outcome.resumable_step = checkpoints.finish();
  if (result.interrupted && !result.best_epoch) return outcome;
  save_model(request.model_folder, make_trained_model(dataset, spec.train, result));
  if (result.interrupted) return outcome;
  if (!result.failure.empty()) {
    checkpoints.remove();
    fail(ErrorCode::kNumeric, "{}; the best model so far (epoch {}) is in {}", result.failure,
         *result.best_epoch, request.model_folder.string());
  }

  const ScoreOptions options{.inference = spec.inference,
                             .sampler = spec.train.sampler,
                             .bounds = result.bounds,
                             .seed = spec.train.seed,
                             .batch_size = spec.score_batch_size.value_or(spec.train.val_batch_size),
                             .cancel = context.cancel,
                             .progress = context.scored};
  outcome.scores =
      score_splits(*result.model, dataset, result.metric, options, {"validation", "test"}, context.pool);
  log_scores(outcome.scores, result.best_epoch, log);
  if (request.finished) request.finished(outcome);
  checkpoints.remove();
  return outcome;
}

}  // namespace rle
