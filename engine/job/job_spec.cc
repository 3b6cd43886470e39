#include "job/job_spec.h"

#include <fstream>

#include "base/error.h"
#include "job/spec_sections.h"

namespace rle {
namespace {

void read_output(const SpecValue& value, OutputSpec& output) {
  const SpecObject object(value, {"database", "table", "flatten"});
  if (const auto database = object.find("database")) output.database = text_of(*database, "a file's path");
  if (const auto table = object.find("table"))
    output.table = text_of(*table, "a table's name or a file's path");
  if (const auto flatten = object.find("flatten")) output.flatten = boolean_of(*flatten);
}

// Returns data.source; "": each source stands for itself.
std::string read_data(const SpecObject& root, JobSpec& spec) {
  const auto data = root.find("data");
  if (!data) return "";
  const SpecObject object(*data, {"source", "snapshot"});
  if (const auto snapshot = object.find("snapshot"))
    spec.snapshot_folder = spec.base_folder / text_of(*snapshot, "a folder's path");
  if (spec.snapshot_folder && !object.find("source")) return "";
  return text_of(object.require("source"), "a folder or a .duckdb file");
}

std::string read_file(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error))
    fail(ErrorCode::kSpec, "{}: no such specification", file.string());
  if (std::filesystem::is_directory(file, error))
    fail(ErrorCode::kSpec, "{}: a folder; name the specification in it, or propose one by `rle init {}`",
         file.string(), file.string());
  std::ifstream stream(file, std::ios::binary);
  std::string text(kMaxSpecBytes + 1, '\0');
  if (stream) stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad() || (!stream && !stream.eof())) fail(ErrorCode::kSpec, "{}: cannot be read", file.string());
  text.resize(static_cast<size_t>(stream.gcount()));
  return text;
}

}  // namespace

const TableSchema* JobSpec::find_table(std::string_view name) const {
  for (const TableSchema& table : tables)
    if (table.name == name) return &table;
  return nullptr;
}

std::vector<std::string> JobSpec::table_names() const {
  std::vector<std::string> names;
  for (const TableSchema& table : tables) names.push_back(table.name);
  return names;
}

std::string_view to_string(Device device) { return device == Device::kCpu ? "cpu" : "cuda"; }

std::string_view tell_device(std::optional<Device> device, Report& report) {
  if (device == Device::kCuda)
    report.warning("device cuda was asked for and there is no GPU here: it runs on the CPU");
  return to_string(Device::kCpu);
}

JobSpec parse_job_spec(std::string_view text, SpecFormat format, const std::filesystem::path& base_folder,
                       const std::vector<std::string>& overrides) {
  SpecNode tree = parse_spec_tree(text, format);
  for (const std::string& override_text : overrides) apply_override(tree, override_text);
  return read_job_spec(tree, base_folder);
}

JobSpec read_job_spec(const SpecNode& tree, const std::filesystem::path& base_folder) {
  refuse_misplaced_config(tree);
  const SpecObject root({&tree, ""}, {"dataset", "data", "tables", "task", "config", "output"});
  JobSpec spec;
  spec.base_folder = base_folder;
  const std::string data_source = read_data(root, spec);
  spec.dataset_name = name_of(root.require("dataset"));
  read_tables(root.require("tables"), data_source, spec);
  if (const auto task = root.find("task")) read_task(*task, data_source, spec);
  if (const auto config = root.find("config")) read_config(*config, spec);
  if (const auto output = root.find("output")) read_output(*output, spec.output);
  check_task(root, spec);
  check_rules(root, spec);
  return spec;
}

JobSpec load_job_spec(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  const std::string text = read_file(file);
  const SpecFormat format = file.extension() == ".json" ? SpecFormat::kJson : SpecFormat::kYaml;
  const std::filesystem::path folder =
      file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  try {
    return parse_job_spec(text, format, folder, overrides);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file.string(), error.what()));
  }
}

}  // namespace rle
