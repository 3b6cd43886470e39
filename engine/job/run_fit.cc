#include "base/error.h"
#include "job/load_data.h"
#include "job/model_folder.h"
#include "job/run_job.h"

namespace rle {
namespace {

Dataset load_training_dataset(const JobSpec& spec, const RunContext& context) {
  const SplitChoice splits{.train = true, .validation = true, .test = true};
  SourceReader reader(spec.base_folder);
  check_sources(reader, spec, splits);
  LoadedData data = load_data(reader, spec, splits, context.report, context.cancel);
  DatasetInput input;
  input.tables = std::move(data.tables);
  input.task = *spec.task;
  input.train = &*data.train;
  input.validation = &*data.validation;
  input.test = data.test ? &*data.test : nullptr;
  input.visible_until_us = spec.visible_until_us;
  input.shallow_embeddings = spec.train.model.shallow_embeddings;
  Dataset dataset = build_training_dataset(std::move(input), context.pool, context.report);
  std::vector<const LabelTable*> labels{&*dataset.train, &*dataset.validation};
  if (dataset.test) labels.push_back(&*dataset.test);
  check_split_times(labels, context.report);
  return dataset;
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

}  // namespace

FitOutcome run_fit(const JobSpec& spec, const std::filesystem::path& model_folder, FitHooks hooks,
                   const RunContext& context) {
  require_splits(spec, {.train = true, .validation = true}, "fit");
  check_new_model_folder(model_folder);
  const Dataset dataset = load_training_dataset(spec, context);

  MetricsLog log(model_folder);
  const auto clock = hooks.clock ? hooks.clock : [] { return 0.0; };
  const double start = clock();
  const FitResult result =
      fit(dataset, spec.train, context.pool, context.report, with_log(std::move(hooks), log, context.cancel));
  FitOutcome outcome;
  outcome.epochs = static_cast<int64_t>(result.epochs.size());
  outcome.best_epoch = result.best_epoch;
  outcome.metric = result.metric;
  outcome.interrupted = result.interrupted;
  outcome.stopped_early = result.stopped_early;
  outcome.seconds = clock() - start;
  outcome.parameters = static_cast<int64_t>(result.model->parameters().values().size());
  if (result.interrupted && !result.best_epoch) return outcome;
  save_model(model_folder, make_trained_model(dataset, spec.train, result));
  if (result.interrupted) return outcome;
  if (!result.failure.empty())
    fail(ErrorCode::kNumeric, "{}; the best model so far (epoch {}) is in {}", result.failure,
         *result.best_epoch, model_folder.string());

  const ScoreOptions options{.inference = spec.inference,
                             .sampler = spec.train.sampler,
                             .bounds = result.bounds,
                             .seed = spec.train.seed,
                             .batch_size = spec.train.val_batch_size,
                             .cancel = context.cancel,
                             .progress = context.scored};
  outcome.scores =
      score_splits(*result.model, dataset, result.metric, options, {"validation", "test"}, context.pool);
  log_scores(outcome.scores, result.best_epoch, log);
  return outcome;
}

}  // namespace rle
