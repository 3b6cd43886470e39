// rle evaluate: how good a model is, beside simple baselines.
#include <memory>

#include "apps/app.h"
#include "apps/progress.h"
#include "job/run_job.h"

namespace rle {
namespace {

void run(const std::string& file, const std::string& folder, const std::vector<std::string>& splits,
         Globals& globals) {
  const JobSpec spec = load_spec(file, globals);
  tell_unused_config(globals);
  ThreadPool pool(spec.threads > 0 ? spec.threads : available_cpus());
  Progress progress(globals.console, "");
  const std::vector<SplitScore> scores = run_evaluate(
      spec, folder, splits, {pool, globals.console, &globals.cancel, [&](int64_t done, int64_t rows) {
                               progress.scored(done, rows);
                             }});
  if (globals.json)
    globals.console.print_json({{"model", folder}, {"scores", scores_json(scores)}});
  else
    globals.console.print(scores_text(scores));
}

}  // namespace

void add_evaluate(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("evaluate", "evaluate a model beside simple baselines");
  auto file = std::make_shared<std::string>(), folder = std::make_shared<std::string>();
  auto splits = std::make_shared<std::vector<std::string>>();
  command->add_option("SPEC", *file, "the specification, YAML or JSON")->required();
  command->add_option("--model", *folder, "the model's folder")->required()->type_name("DIR");
  command
      ->add_option("--split", *splits,
                   "train, validation or test (repeatable; default: validation and labelled test)")
      ->check(CLI::IsMember({"train", "validation", "test"}))
      ->allow_extra_args(false);
  command->callback([file, folder, splits, &globals] {
    globals.chosen = [file, folder, splits, &globals] { run(*file, *folder, *splits, globals); };
  });
}

}  // namespace rle
