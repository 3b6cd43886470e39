// rle submit: gives a job to a host.
#include <fstream>
#include <memory>

#include "apps/app.h"
#include "apps/job_follow.h"
#include "job/spec_tree.h"

namespace rle {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct SubmitArguments {
  HostFlags host;
  std::string spec, kind = "fit", engine, model, output, alias, extension = "parquet", experiment, key;
  bool overwrite = false, flatten = false, embeddings = false, follow = false;
};

Json json_of(const SpecNode& node) {
  switch (node.kind) {
    case SpecNode::Kind::kNull:
      return nullptr;
    case SpecNode::Kind::kBool:
      return node.boolean;
    case SpecNode::Kind::kInteger:
      return node.integer;
    case SpecNode::Kind::kNumber:
      return node.number;
    case SpecNode::Kind::kText:
      return node.text;
    case SpecNode::Kind::kList: {
      Json list = Json::array();
      for (const SpecNode& item : node.items) list.push_back(json_of(item));
      return list;
    }
    case SpecNode::Kind::kMap: {
      Json map = Json::object();
      for (const auto& [name, value] : node.members) map[name] = json_of(value);
      return map;
    }
  }
  return nullptr;
}

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in || fs::is_directory(file)) fail(ErrorCode::kSpec, "{}: no such specification", file.string());
  std::string text(kMaxSpecBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

// The specification as a host takes it: its sources are inside its own folder, wherever the host runs.
Json load_for_host(const fs::path& file, const std::vector<std::string>& sets) {
  const std::string text = read_text(file);
  const bool json = file.extension() == ".json";
  SpecNode tree = parse_spec_tree(text, json ? SpecFormat::kJson : SpecFormat::kYaml);
  for (const std::string& set : sets) apply_override(tree, set);
  Json spec = json_of(tree);
  if (!spec.is_object())
    fail(ErrorCode::kSpec, "{}: no specification: it is {}", file.string(), tree.describe());
  const fs::path folder = fs::absolute(file).parent_path();
  Json& data = spec["data"];
  if (data.is_null()) data = Json::object();
  if (data.is_object() && (!data.contains("source") || data["source"].is_string()))
    data["source"] = (folder / data.value("source", "")).lexically_normal().string();
  return spec;
}

Json request_of(const SubmitArguments& arguments, const Globals& globals) {
  Json request{{"kind", arguments.kind}, {"spec", load_for_host(arguments.spec, globals.sets)}};
  if (!arguments.engine.empty()) request["engine"] = arguments.engine;
  if (!arguments.model.empty()) request["model"] = {{"run_id", arguments.model}};
  if (!arguments.experiment.empty()) request["experiment_name"] = arguments.experiment;
  if (!arguments.output.empty()) {
    const fs::path path = fs::absolute(arguments.output).lexically_normal();
    const bool database =
        path.extension() == ".duckdb" || path.extension() == ".ddb" || path.extension() == ".db";
    Json output =
        database ? Json{{"kind", "duckdb"}, {"database", path.string()}}
                 : Json{{"kind", "files"}, {"folder", path.string()}, {"extension", arguments.extension}};
    output["alias"] = arguments.alias;
    if (arguments.flatten) output["flatten"] = true;
    request["output"] = output;
  }
  if (arguments.overwrite) request["options"]["overwrite"] = true;
  if (arguments.embeddings) request["options"]["extract_embeddings"] = true;
  return request;
}

void submit(const SubmitArguments& arguments, Globals& globals) {
  const HostApi api(arguments.host);
  const Json job = api.call("POST", "/v1/jobs", request_of(arguments, globals));
  const std::string id = shown_member(job, "id");
  if (globals.json && !arguments.follow) return globals.console.print_json(job);
  if (!globals.json) globals.console.print(id);
  globals.console.flush();
  if (!arguments.follow) return;
  print_events(api, id, true, globals);
  const Json done = api.call("GET", "/v1/jobs/" + percent_encoded(id));
  const std::string state = shown_member(done, "state");
  if (state == "COMPLETED") return;
  if (globals.cancel.requested())
    fail(ErrorCode::kInterrupted, "{} goes on; `rle cancel {}` ends it", id, id);
  const Json error = done.value("error", Json());
  fail(ErrorCode::kIo, "{} is {}{}", id, state,
       error.is_object() ? ": " + shown_member(error, "detail") : std::string());
}

}  // namespace

void add_submit(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("submit", "give a job to a host; prints its id");
  auto a = std::make_shared<SubmitArguments>();
  add_host_options(*command, a->host);
  command->add_option("SPEC", a->spec, "the specification, YAML or JSON; --set changes it")->required();
  command->add_option("--kind", a->kind, "fit (default), predict or fit_predict")
      ->check(CLI::IsMember({"fit", "predict", "fit_predict"}));
  command->add_option("--engine", a->engine, "the engine's name (default: default)");
  command->add_option("--model", a->model, "predict: the job that trained the model")->type_name("JOB");
  CLI::Option* output =
      command->add_option("--output", a->output, "a folder, or a .duckdb file, for the predictions");
  CLI::Option* alias = command->add_option("--alias", a->alias, "they become PREDICTIONS_<ALIAS>");
  output->needs(alias);
  alias->needs(output);
  command->add_option("--extension", a->extension, "parquet (default) or csv, in a folder")
      ->check(CLI::IsMember({"parquet", "csv"}));
  command->add_flag("--embeddings", a->embeddings, "also the entities' vectors: EMBEDDINGS_<COLUMN>_<ALIAS>");
  command->add_flag("--overwrite", a->overwrite, "replace tables or files that are there");
  command->add_flag("--flatten", a->flatten, "one column for each class");
  command->add_option("--experiment", a->experiment, "a name that jobs may share");
  command->add_flag("--follow,-f", a->follow, "tell what happens until it is done");
  command->callback([a, &globals] { globals.chosen = [a, &globals] { submit(*a, globals); }; });
}

}  // namespace rle
