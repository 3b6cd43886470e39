// What can be told of a job before it runs: from its specification, the schemas of its sources, its model and
// its output. And the description of one source.
#include <algorithm>

#include "base/error.h"
#include "ingest/source.h"
#include "job/load_data.h"
#include "job/model_folder.h"
#include "job/precision.h"
#include "job/run_request.h"
#include "job/spec_sections.h"
#include "table/features.h"
#include "train/exact_inference.h"

namespace rle {
namespace {
using Json = nlohmann::ordered_json;

// A description's: inference looks at 10,000 values of a column (docs/dtypes.md), which far fewer rows hold.
constexpr int64_t kDescribedRows = 1'000'000;

// "table 'orders': ..." -> "spec.tables.orders"; "task.test: ..." -> "spec.task.test"; else "spec".
std::string field_of_source(std::string_view message) {
  constexpr std::string_view kTable = "table '", kTask = "task.";
  if (message.starts_with(kTable)) {
    const std::string_view rest = message.substr(kTable.size());
    return fmt::format("spec.tables.{}", rest.substr(0, rest.find('\'')));
  }
  if (message.starts_with(kTask)) return fmt::format("spec.{}", message.substr(0, message.find(':')));
  return "spec";
}

// Gives the errors of `check` a field where they have none.
template <typename Check>
void within(const std::string& field, Check&& check) {
  try {
    check();
  } catch (const Error& error) {
    if (!error.field().empty()) throw;
    throw Error(error.code(), error.what(), field.empty() ? field_of_source(error.what()) : field);
  }
}

// Outputs that are there already are told from such as can't be written.
void check_outputs(const JobRequest& request, const TaskSpec& task) {
  try {
    for (const OutputTarget& target : output_targets(*request.output, task, request.options))
      check_output_can_be_made(target);
  } catch (const Error& error) {
    const bool taken = error.code() == ErrorCode::kSpec && error.field().empty();
    throw Error(error.code(), error.what(), taken ? kTakenOutput : "output");
  }
}

std::optional<Dtype> trained_dtype(const std::vector<TableSignature>& tables, const std::string& table,
                                   const std::string& column) {
  for (const TableSignature& known : tables)
    if (known.schema.name == table)
      for (const ColumnSpec& spec : known.schema.columns)
        if (spec.name == column) return spec.dtype;
  return std::nullopt;
}

// Dtypes that are declared otherwise than the model was trained with: told, or refused where nobody asked for
// the model's.
void compare_dtypes(const std::vector<TableSignature>& trained, const JobSpec& spec, bool align,
                    Report& report) {
  for (const TableSchema& table : spec.tables)
    for (const ColumnSpec& column : table.columns) {
      const std::optional<Dtype> known = trained_dtype(trained, table.name, column.name);
      if (!column.dtype || !known || *column.dtype == *known) continue;
      const std::string what =
          fmt::format("table '{}', column '{}' is declared {}, and the model was trained with {}", table.name,
                      column.name, to_string(*column.dtype), to_string(*known));
      if (!align)
        throw Error(ErrorCode::kSpec, what + "; declare it so, or align the dtypes (align_dtypes)",
                    fmt::format("spec.tables.{}.columns.{}", table.name, column.name));
      report.warning("{}; read as {}", what, to_string(*known));
    }
}

// Columns that the model was trained with and the tables leave out now: they are read all the same.
void tell_left_out(const std::vector<TableSignature>& trained, const JobSpec& spec, Report& report) {
  for (const TableSignature& known : trained) {
    const TableSchema* table = spec.find_table(known.schema.name);
    if (table == nullptr) continue;
    for (const ColumnSpec& column : known.schema.columns)
      if (!uses_as_feature(*table, column.name))
        report.warning(
            "table '{}', column '{}' is left out, and the model was trained with it: it is read all the same",
            table->name, column.name);
  }
}

void check_model(const JobRequest& request, const JobSpec& given, JobSpec& spec, SourceReader& reader,
                 Report& report) {
  within("model.run_id", [&] {
    TrainedModel model = open_model(request.model_folder);
    check_same_task(model.task, given);
    inference_precision(given, model, report);
    if (given.inference == InferenceMode::kExact) check_exact_inference(model.config.model);
    compare_dtypes(model.tables, given, request.options.align_dtypes, report);
    tell_left_out(model.tables, given, report);
    use_model_columns(reader, model.tables, spec);
    check_model_schema(reader, model.tables, spec);
  });
}

// What it was inferred as; null where nothing could be.
Json dtype_of(const DtypeDecision& decision) {
  if (decision.left_out == LeftOut::kText) return to_string(Dtype::kText);
  return decision.dtype ? Json(to_string(*decision.dtype)) : Json(nullptr);
}

}  // namespace

Json check_request(const JobRequest& request, const RequestContext& context) {
  const JobSpec given = read_request_spec(request.spec, request.base_folder);
  require_for(request.kind, given, request.options);
  const bool trains = request.kind != JobAction::kPredict;
  if (request.output && request.output->flatten && !predicts_lists(given))
    throw Error(ErrorCode::kSpec,
                fmt::format("output.flatten: a {} has one number a row, so there is nothing to flatten",
                            to_string(given.task->type)),
                "output.flatten");
  JobSpec spec = given;
  SourceReader reader(spec.base_folder);
  ReportLines lines;
  if (trains) within("spec.config.precision", [&] { check_precision(spec); });
  if (!trains) check_model(request, given, spec, reader, lines);
  const SplitChoice splits{.train = trains,
                           .validation = trains,
                           .test = spec.task->test.has_value(),
                           .test_needs_target = request.options.compute_test_metrics};
  within("", [&] { check_sources(reader, spec, splits); });
  if (request.output && !request.options.overwrite) check_outputs(request, *given.task);
  tell_device(spec.device, lines);
  Json warnings = spec.warnings;
  for (const ReportLines::Line& line : lines.lines())
    if (line.severity == Severity::kWarning) warnings.push_back(line.text);
  context.report.info("checked");
  return {{"warnings", std::move(warnings)}};
}

Json describe_source(const JobRequest& request, const RequestContext& context) {
  const std::string source = resolve_source(request.data_source, request.source);
  SourceReader reader(request.base_folder);
  Table table;
  TableSchema schema;
  schema.name = "source";
  schema.source = source;
  std::vector<SourceColumn> columns;
  int64_t rows = 0;
  within("source", [&] {
    columns = reader.columns(source);
    ReportLines left_out;
    const std::vector<std::string> used = reader.used_columns(schema, left_out);
    rows = reader.count_rows(source);
    const double share =
        static_cast<double>(kDescribedRows) / static_cast<double>(std::max<int64_t>(rows, 1));
    table = share >= 1 ? reader.read(schema, used, {}, left_out, &context.cancel)
                       : reader.read_sample(schema, used, share, left_out, &context.cancel);
  });
  sort_canonically(table);
  const std::vector<DtypeDecision> decisions = decide_dtypes(table, Visibility());
  Json described = Json::array();
  for (const SourceColumn& column : columns) {
    const auto found = std::find_if(decisions.begin(), decisions.end(),
                                    [&](const DtypeDecision& known) { return known.column == column.name; });
    const bool known = found != decisions.end();
    described.push_back({{"name", column.name},
                         {"type", column.type_name},
                         {"dtype", known ? dtype_of(*found) : Json(nullptr)},
                         {"reason", known ? found->reason : "this type cannot be read"}});
    if (known && table.at(column.name).type == PhysicalType::kString)
      described.back()["distinct"] = table.at(column.name).strings->size();
  }
  return {{"source", request.source},
          {"columns", std::move(described)},
          {"rows", rows},
          {"rows_read", table.rows}};
}

}  // namespace rle
