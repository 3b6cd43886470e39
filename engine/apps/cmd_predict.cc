// rle predict: predictions into a new table.
#include <memory>

#include "apps/app.h"
#include "apps/progress.h"
#include "base/error.h"
#include "base/time.h"
#include "job/inspect.h"
#include "job/job_outputs.h"
#include "job/run_job.h"

namespace rle {
namespace {

constexpr int64_t kShownRows = 5;

struct Arguments {
  std::string file, model, output, entities, at;
  bool flatten = false, embeddings = false;
};

// --output is relative to the working folder, output.table and output.database to the specification's.
OutputTarget output_target(const JobSpec& spec, const std::string& output) {
  const std::filesystem::path database =
      spec.output.database ? spec.base_folder / *spec.output.database : std::filesystem::path();
  if (!output.empty()) return parse_output(output, database, ".");
  if (!spec.output.table)
    fail(ErrorCode::kSpec, "--output is missing, and the specification has no output.table");
  const bool file_name = spec.output.table->find("::") != std::string::npos ||
                         spec.output.table->ends_with(".parquet") || spec.output.table->ends_with(".csv");
  return parse_output(*spec.output.table, database,
                      file_name ? spec.base_folder : std::filesystem::path("."));
}

PredictRequest make_request(const JobSpec& spec, const Arguments& arguments) {
  PredictRequest request;
  request.model_folder = arguments.model;
  request.output = output_target(spec, arguments.output);
  if (!arguments.entities.empty()) request.entities = arguments.entities;
  request.entities_base = ".";
  if (!arguments.at.empty()) {
    request.at_us = parse_time(arguments.at);
    if (!request.at_us)
      fail(ErrorCode::kSpec,
           "--at: '{}' is no time; expected one such as 2010-01-01 or \"2010-01-01 12:30:00\"", arguments.at);
  }
  if (arguments.flatten && !predicts_lists(spec))
    fail(ErrorCode::kSpec,
         "--flatten: a {} has one number a row, so there is nothing to flatten; leave it out",
         to_string(spec.task->type));
  request.flatten = spec.output.flatten || arguments.flatten;
  if (arguments.embeddings)
    for (const EmbeddingsOutput& output : embeddings_outputs(request.output, *spec.task))
      request.embeddings.push_back(output.target);
  return request;
}

nlohmann::ordered_json result_json(const OutputTarget& output, const Table& table) {
  nlohmann::ordered_json out{{"output", output.display()}, {"file", output.file.string()}};
  if (output.kind == OutputTarget::Kind::kDuckdbTable) out["table"] = output.table;
  out["rows"] = table.rows;
  out["columns"] = table.column_names();
  return out;
}

// The predictions; and the embeddings, a document each.
nlohmann::ordered_json result_json(const PredictRequest& request, const std::vector<Table>& tables) {
  nlohmann::ordered_json out = result_json(request.output, tables[0]);
  for (size_t i = 1; i < tables.size(); ++i)
    out["embeddings"].push_back(result_json(request.embeddings[i - 1], tables[i]));
  return out;
}

void run(const Arguments& arguments, Globals& globals) {
  const JobSpec spec = load_spec(arguments.file, globals);
  if (!spec.task)
    fail(ErrorCode::kSpec, "the specification has no task; `rle predict` needs one (docs/spec.md, task)");
  tell_unused_config(globals);
  const PredictRequest request = make_request(spec, arguments);
  ThreadPool pool(spec.threads > 0 ? spec.threads : available_cpus());
  Progress progress(globals.console, "");
  const std::vector<Table> tables =
      run_predict(spec, request, {pool, globals.console, &globals.cancel, [&](int64_t done, int64_t rows) {
                                    progress.scored(done, rows);
                                  }});
  if (globals.json) return globals.console.print_json(result_json(request, tables));
  for (size_t i = 1; i < tables.size(); ++i)
    globals.console.print(
        fmt::format("{} embeddings in {}", grouped(tables[i].rows), request.embeddings[i - 1].display()));
  globals.console.print(
      fmt::format("{} predictions in {}, the first:", grouped(tables[0].rows), request.output.display()));
  globals.console.print(first_rows_text(tables[0], kShownRows));
  globals.console.print(query_hint(request.output));
}

}  // namespace

void add_predict(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("predict", "write a model's predictions into a new table");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("SPEC", arguments->file, "the specification, YAML or JSON")->required();
  command->add_option("--model", arguments->model, "the model's folder")->required()->type_name("DIR");
  command
      ->add_option("--output", arguments->output,
                   "TABLE (in output.database), FILE.duckdb::TABLE, FILE.parquet or FILE.csv; must be new "
                   "(default: output.table)")
      ->type_name("TABLE");
  command->add_option("--entities", arguments->entities, "\"all\", or a file of keys, instead of task.test")
      ->type_name("all|FILE");
  command->add_option("--at", arguments->at, "the time that predictions for --entities are made at")
      ->type_name("TIME");
  command->add_flag("--flatten", arguments->flatten,
                    "one column prob_<class> for each class; links: one row for each predicted link");
  command->add_flag("--embeddings", arguments->embeddings,
                    "also the entities' vectors, of links the targets' too, into "
                    "EMBEDDINGS_<COLUMN>_<OUTPUT> beside the output");
  command->callback(
      [arguments, &globals] { globals.chosen = [arguments, &globals] { run(*arguments, globals); }; });
}

}  // namespace rle
