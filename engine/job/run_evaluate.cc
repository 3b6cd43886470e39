#include <algorithm>

#include "base/error.h"
#include "job/load_data.h"
#include "job/model_folder.h"
#include "job/precision.h"
#include "job/run_job.h"
#include "train/exact_inference.h"

namespace rle {
namespace {

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The chosen splits, and the earlier ones whose labels baselines use, where the specification names them.
SplitChoice choose(const TaskSpec& task, const std::vector<std::string>& splits) {
  SplitChoice choice;
  choice.test = has(splits, "test");
  choice.test_needs_target = choice.test;
  choice.validation = has(splits, "validation") || (choice.test && task.validation);
  choice.train = has(splits, "train") || task.train.has_value();
  return choice;
}

// Validation, and test where it has labels.
std::vector<std::string> default_splits(SourceReader& reader, const TaskSpec& task) {
  std::vector<std::string> splits;
  if (task.validation) splits.emplace_back("validation");
  if (task.test) {
    const std::vector<SourceColumn> columns = reader.columns(*task.test);
    const auto is_target = [&](const SourceColumn& column) { return column.name == task.target_column; };
    if (std::any_of(columns.begin(), columns.end(), is_target)) splits.emplace_back("test");
  }
  if (splits.empty())
    fail(ErrorCode::kSpec,
         "the task names neither a validation nor a labelled test table: there is nothing to evaluate on");
  return splits;
}

}  // namespace

ScoreOptions score_options(const TrainedModel& model, const JobSpec& spec, const RunContext& context) {
  return {.inference = spec.inference,
          .sampler = model.config.sampler,
          .bounds = model.bounds,
          .seed = model.config.seed,
          .batch_size = spec.score_batch_size.value_or(model.config.val_batch_size),
          .cancel = context.cancel,
          .progress = context.scored};
}

std::vector<SplitScore> run_evaluate(const JobSpec& given, const std::filesystem::path& model_folder,
                                     std::vector<std::string> splits, const RunContext& context) {
  TrainedModel trained = open_model(model_folder);
  check_same_task(trained.task, given);
  trained.definition.config.precision = inference_precision(given, trained, context.report);
  if (given.inference == InferenceMode::kExact) check_exact_inference(trained.config.model);
  tell_device(given.device, context.report);
  JobSpec spec = given;
  SourceReader reader(spec.base_folder);
  if (splits.empty()) splits = default_splits(reader, *spec.task);
  const SplitChoice choice = choose(*spec.task, splits);
  require_splits(spec, choice, "evaluate");
  use_model_columns(reader, trained.tables, spec);
  check_model_schema(reader, trained.tables, spec);
  check_sources(reader, spec, choice);
  LoadedData data = load_data(reader, spec, choice, context.report, context.cancel, {.model = &trained});

  DatasetInput input = dataset_input(data, spec);
  TrainedModel model = trained;
  model.task.horizon_us = spec.task->horizon_us;
  model.task.entity_column = spec.task->entity_column;
  model.task.time_column = spec.task->time_column;
  model.task.eval_k = spec.task->eval_k;
  const Dataset dataset = build_inference_dataset(std::move(input), model, context.pool, context.report);
  const std::unique_ptr<RelationalModel> network = restore_model(model);
  const ScoreOptions options = score_options(model, spec, context);
  const std::string metric = spec.task->metric.value_or(model.metric);
  return score_splits(*network, dataset, metric, options, splits, context.pool);
}

}  // namespace rle
