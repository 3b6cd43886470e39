#include "job/job_outputs.h"

#include <cctype>

#include "base/error.h"

namespace rle {
namespace {
using Json = nlohmann::ordered_json;

constexpr size_t kMaxColumn = 64, kMaxAlias = 100;
constexpr std::string_view kPredictions = "PREDICTIONS_";

std::string upper_name(std::string_view text, size_t most) {
  std::string out;
  for (const unsigned char c : text.substr(0, most))
    out += std::isalnum(c) != 0 ? static_cast<char>(std::toupper(c)) : '_';
  return out;
}

std::string_view name_of(OutputTarget::Kind kind) {
  return kind == OutputTarget::Kind::kDuckdbTable ? "duckdb"
         : kind == OutputTarget::Kind::kCsv       ? "csv"
                                                  : "parquet";
}

OutputTarget beside(OutputTarget target, const std::string& name) {
  if (target.kind == OutputTarget::Kind::kDuckdbTable)
    target.table = name;
  else
    target.file.replace_filename(name + target.file.extension().string());
  return target;
}

}  // namespace

std::vector<EmbeddingsOutput> embeddings_outputs(const OutputTarget& predictions, const TaskSpec& task) {
  const bool table = predictions.kind == OutputTarget::Kind::kDuckdbTable;
  const std::string own = upper_name(table ? predictions.table : predictions.file.stem().string(),
                                     kMaxAlias + kPredictions.size());
  const std::string alias = own.starts_with(kPredictions) ? own.substr(kPredictions.size()) : own;
  const std::string source = upper_name(task.entity_column, kMaxColumn);
  std::vector<EmbeddingsOutput> out{{beside(predictions, fmt::format("EMBEDDINGS_{}_{}", source, alias)),
                                     task.entity_table, task.entity_column}};
  if (!is_link(task.type)) return out;
  std::string target = upper_name(task.target_column, kMaxColumn);
  if (target == source) target += "_TARGET";
  out.push_back({beside(predictions, fmt::format("EMBEDDINGS_{}_{}", target, alias)), task.target_table,
                 task.target_column});
  return out;
}

Json output_json(const OutputTarget& target) {
  Json out{{"kind", name_of(target.kind)}, {"path", target.file.string()}};
  if (target.kind == OutputTarget::Kind::kDuckdbTable)
    out["table"] = (target.schema.empty() ? "main" : target.schema) + "." + target.table;
  return out;
}

OutputTarget output_of_json(const Json& output) {
  OutputTarget target;
  target.file = output.at("path").get<std::string>();
  const std::string kind = output.at("kind");
  target.kind = kind == "duckdb" ? OutputTarget::Kind::kDuckdbTable
                : kind == "csv"  ? OutputTarget::Kind::kCsv
                                 : OutputTarget::Kind::kParquet;
  if (target.kind != OutputTarget::Kind::kDuckdbTable) return target;
  const std::string table = output.at("table");
  const size_t dot = table.find('.');  // in neither name
  target.schema = table.substr(0, dot);
  target.table = table.substr(dot + 1);
  return target;
}

}  // namespace rle
