// rle fit: trains a model and tells how good it is.
#include <memory>

#include "apps/app.h"
#include "apps/progress.h"
#include "job/inspect.h"
#include "job/run_job.h"
#include "task/metrics.h"

namespace rle {
namespace {

nlohmann::ordered_json outcome_json(const FitOutcome& outcome, const std::string& folder) {
  return {{"model", folder},
          {"epochs", outcome.epochs},
          {"best_epoch", outcome.best_epoch ? nlohmann::ordered_json(*outcome.best_epoch)
                                            : nlohmann::ordered_json(nullptr)},
          {"metric", outcome.metric},
          {"stopped_early", outcome.stopped_early},
          {"data_seconds", outcome.data_seconds},
          {"seconds", outcome.seconds},
          {"parameters", outcome.parameters},
          {"scores", scores_json(outcome.scores)}};
}

std::string outcome_text(const FitOutcome& outcome, const std::string& folder) {
  return fmt::format("\nmodel of epoch {} (best {} of {} epochs{}) in {}: {} parameters, trained in {}\n",
                     *outcome.best_epoch, outcome.metric, outcome.epochs,
                     outcome.stopped_early ? ", stopped early" : "", folder, grouped(outcome.parameters),
                     clock_text(outcome.seconds));
}

[[noreturn]] void tell_interrupt(const FitOutcome& outcome, const std::string& folder) {
  const std::string resume =
      outcome.resumable_step ? fmt::format("; --resume goes on after step {}", *outcome.resumable_step) : "";
  if (outcome.best_epoch)
    fail(ErrorCode::kInterrupted, "interrupted after {} epochs; the best model so far (epoch {}) is in {}{}",
         outcome.epochs, *outcome.best_epoch, folder, resume);
  fail(ErrorCode::kInterrupted, "interrupted before the first epoch was evaluated; no model was written{}{}",
       outcome.epochs == 0 ? "" : fmt::format(" ({} has the losses of {} epochs)", folder, outcome.epochs),
       resume);
}

void run(const std::string& file, const FitRequest& request, Globals& globals) {
  const std::string folder = request.model_folder.string();
  const JobSpec spec = load_spec(file, globals);
  tell_warnings(spec, globals);
  const std::string metric = !spec.task ? "" : spec.task->metric.value_or(default_metric(spec.task->type));
  ThreadPool pool(spec.threads > 0 ? spec.threads : available_cpus());
  Progress progress(globals.console, metric);
  const FitOutcome outcome = run_fit(spec, request, progress.hooks(),
                                     {pool, globals.console, &globals.cancel,
                                      [&](int64_t done, int64_t rows) { progress.scored(done, rows); }});
  if (outcome.interrupted) tell_interrupt(outcome, folder);
  if (globals.json) return globals.console.print_json(outcome_json(outcome, folder));
  globals.console.print(outcome.best_epoch ? outcome_text(outcome, folder)
                                           : fmt::format("\nmodel of the last epoch in {}\n", folder));
  globals.console.print(scores_text(outcome.scores));
}

}  // namespace

void add_fit(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("fit", "train a model, and evaluate it beside simple baselines");
  auto file = std::make_shared<std::string>(), folder = std::make_shared<std::string>();
  command->add_option("SPEC", *file, "the specification, YAML or JSON")->required();
  command->add_option("--model", *folder, "the new model's folder")->required()->type_name("DIR");
  auto resume = std::make_shared<bool>(false);
  command->add_flag("--resume", *resume,
                    "go on with the run in DIR that was stopped; from the beginning where it left nothing");
  command->callback([file, folder, resume, &globals] {
    globals.chosen = [file, folder, resume, &globals] { run(*file, {*folder, *resume}, globals); };
  });
}

}  // namespace rle
