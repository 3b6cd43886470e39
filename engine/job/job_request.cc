#include "job/job_request.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "job/job_outputs.h"

namespace rle {
namespace {
using Json = nlohmann::ordered_json;

constexpr std::array<std::pair<JobAction, std::string_view>, 7> kActions{
    {{JobAction::kFit, "fit"},
     {JobAction::kPredict, "predict"},
     {JobAction::kFitPredict, "fit_predict"},
     {JobAction::kCheck, "check"},
     {JobAction::kSettle, "settle"},
     {JobAction::kDescribe, "describe"},
     {JobAction::kExport, "export"}}};
constexpr size_t kMaxAlias = 100;

template <typename... Args>
[[noreturn]] void refuse(const std::string& field, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorCode::kSpec,
              fmt::format("{}: {}", field, fmt::format(format, std::forward<Args>(args)...)), field);
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  constexpr size_t kShown = 60;
  if (text.size() > kShown) text = text.substr(0, kShown) + "...";
  return text;
}

JobAction action_of(const std::string& text) {
  for (const auto& [action, name] : kActions)
    if (name == text) return action;
  refuse("action", "unknown: '{}'", text);
}

void known_keys(const Json& object, const std::string& field, const std::vector<std::string>& keys) {
  if (!object.is_object()) refuse(field, "expected an object, found {}", shown(object));
  for (const auto& [key, value] : object.items())
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      refuse(fmt::format("{}.{}", field, key), "unknown key{}", suggestion(key, keys));
}

std::string text_in(const Json& object, const std::string& field, const char* key) {
  const std::string path = fmt::format("{}.{}", field, key);
  if (!object.contains(key)) refuse(path, "is missing");
  const Json& value = object[key];
  if (!value.is_string() || value.get_ref<const std::string&>().empty())
    refuse(path, "expected a text, found {}", shown(value));
  const auto& text = value.get_ref<const std::string&>();
  if (!is_utf8_text(text)) refuse(path, "expected text in UTF-8 without NUL");
  return text;
}

bool flag_in(const Json& object, const std::string& field, const char* key) {
  if (!object.contains(key)) return false;
  if (!object[key].is_boolean())
    refuse(fmt::format("{}.{}", field, key), "expected true or false, found {}", shown(object[key]));
  return object[key].get<bool>();
}

std::string table_of_alias(const Json& output) {
  const std::string alias = text_in(output, "output", "alias");
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  if (alias.size() > kMaxAlias || !std::all_of(alias.begin(), alias.end(), allowed))
    refuse("output.alias", "expected 1 to {} of A-Z a-z 0-9 _, found {}", kMaxAlias, shown(output["alias"]));
  std::string name = "PREDICTIONS_";
  for (const unsigned char c : alias) name += static_cast<char>(std::toupper(c));
  return name;
}

SpecNode without_lines(SpecNode node) {
  node.line = 0;
  for (SpecNode& item : node.items) item = without_lines(std::move(item));
  for (auto& [name, child] : node.members) child = without_lines(std::move(child));
  return node;
}

}  // namespace

std::string_view to_string(JobAction action) {
  for (const auto& [known, name] : kActions)
    if (known == action) return name;
  return "";
}

JobOutput read_job_output(const Json& output, const std::filesystem::path& base_folder) {
  known_keys(output, "output", {"kind", "folder", "extension", "database", "schema", "alias", "flatten"});
  const std::string kind = text_in(output, "output", "kind");
  if (kind != "files" && kind != "duckdb")
    refuse("output.kind", "expected files or duckdb, found '{}'", kind);
  const bool files = kind == "files";
  for (const char* key : {"database", "schema"})
    if (files && output.contains(key))
      refuse(fmt::format("output.{}", key), "is of kind duckdb; take it out");
  for (const char* key : {"folder", "extension"})
    if (!files && output.contains(key))
      refuse(fmt::format("output.{}", key), "is of kind files; take it out");
  const std::string table = table_of_alias(output);
  JobOutput out;
  out.flatten = flag_in(output, "output", "flatten");
  if (files) {
    const std::string extension =
        output.contains("extension") ? text_in(output, "output", "extension") : "parquet";
    if (extension != "parquet" && extension != "csv")
      refuse("output.extension", "expected parquet or csv, found '{}'", extension);
    out.target.kind = extension == "csv" ? OutputTarget::Kind::kCsv : OutputTarget::Kind::kParquet;
    out.target.file =
        (base_folder / text_in(output, "output", "folder") / (table + "." + extension)).lexically_normal();
    return out;
  }
  const std::string database = text_in(output, "output", "database");
  std::string name = fmt::format("{}::", database);
  if (output.contains("schema") && !output["schema"].is_null())
    name += text_in(output, "output", "schema") + ".";
  try {
    out.target = parse_output(name + table, "", base_folder);
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), output.contains("schema") ? "output.schema" : "output.database");
  }
  return out;
}

std::vector<OutputTarget> output_targets(const JobOutput& output, const TaskSpec& task,
                                         const JobOptions& options) {
  std::vector<OutputTarget> targets{output.target};
  if (options.extract_embeddings)
    for (const EmbeddingsOutput& embeddings : embeddings_outputs(output.target, task))
      targets.push_back(embeddings.target);
  return targets;
}

JobOptions read_job_options(const Json& options) {
  JobOptions out;
  if (options.is_null()) return out;
  known_keys(options, "options",
             {"batch_size", "compute_test_metrics", "extract_embeddings", "overwrite", "align_dtypes"});
  if (options.contains("batch_size") && !options["batch_size"].is_null()) {
    const Json& size = options["batch_size"];
    if (!size.is_number_integer() || size < 1 || size > kMaxBatchRows)
      refuse("options.batch_size", "expected a whole number from 1 to {}, found {}", kMaxBatchRows,
             shown(size));
    out.batch_size = size.get<int64_t>();
  }
  out.compute_test_metrics = flag_in(options, "options", "compute_test_metrics");
  out.overwrite = flag_in(options, "options", "overwrite");
  out.extract_embeddings = flag_in(options, "options", "extract_embeddings");
  out.align_dtypes = flag_in(options, "options", "align_dtypes");
  return out;
}

JobSpec read_request_spec(const Json& spec, const std::filesystem::path& base_folder) {
  try {
    const std::string text = spec.dump();
    return read_job_spec(without_lines(parse_spec_tree(text, SpecFormat::kJson)), base_folder);
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), error.field().empty() ? "spec" : "spec." + error.field());
  } catch (const Json::exception&) {
    refuse("spec", "holds text that is not UTF-8");
  }
}

void require_for(JobAction kind, const JobSpec& spec, const JobOptions& options) {
  if (!spec.task) refuse("spec.task", "is missing: a {} job needs one", to_string(kind));
  const auto need = [&](const char* split, const std::optional<std::string>& source) {
    if (!source) refuse(fmt::format("spec.task.{}", split), "is missing: a {} job needs it", to_string(kind));
  };
  if (kind != JobAction::kPredict) need("train", spec.task->train);
  if (kind != JobAction::kPredict) need("validation", spec.task->validation);
  if (kind != JobAction::kFit) need("test", spec.task->test);
  if (options.compute_test_metrics && !spec.task->test)
    refuse("options.compute_test_metrics", "needs task.test, which the specification does not name");
}

JobRequest parse_job_request(std::string_view document) {
  const Json json = Json::parse(document, nullptr, false);
  if (!json.is_object()) refuse("document", "expected an object");
  JobRequest out;
  out.job = json.value("job", "");
  out.attempt = json.value("attempt", int64_t{1});
  out.action = action_of(json.value("action", ""));
  out.kind = json.contains("kind") ? action_of(json["kind"]) : out.action;
  out.spec = json.value("spec", Json());
  out.base_folder = json.value("base_folder", "");
  for (const Json& root : json.value("data_roots", Json::array()))
    out.data_roots.emplace_back(root.get<std::string>());
  out.job_folder = json.value("job_folder", "");
  out.model_folder = json.value("model_folder", "");
  if (json.contains("output") && !json["output"].is_null())
    out.output = read_job_output(json["output"], out.base_folder);
  if (out.output && !out.data_roots.empty())  // what was found to be inside of them
    out.output->target.file = std::filesystem::weakly_canonical(out.output->target.file);
  out.options = read_job_options(json.value("options", Json()));
  out.threads = json.value("threads", 0);
  if (json.contains("memory_limit_bytes") && !json["memory_limit_bytes"].is_null())
    out.memory_limit_bytes = json["memory_limit_bytes"].get<int64_t>();
  out.engine_device = json.value("engine_device", "cpu");
  out.secrets = json.value("secrets", Json());
  out.source = json.value("source", "");
  out.data_source = json.value("data_source", "");
  out.exported = json.value("exported", Json());
  out.file = json.value("file", "");
  return out;
}

}  // namespace rle
