// Times with a zone beside times without: both are instants of UTC, which a person should know.
#include "job/column_family.h"
#include "job/load_data.h"

namespace rle {
namespace {

// The first time column of each kind, as a name for people.
struct TimeKinds {
  std::string zoned, plain;
};

void add_time(SourceReader& reader, const std::string& where, const std::string& source,
              const std::optional<std::string>& time_column, TimeKinds& kinds) {
  if (!time_column) return;
  for (const SourceColumn& column : reader.columns(source)) {
    if (column.name != *time_column || family_of(column) != ColumnFamily::kDate) continue;
    const bool zoned = column.arrow_format.starts_with("ts") && column.arrow_format.size() > 4;
    std::string& first = zoned ? kinds.zoned : kinds.plain;
    if (first.empty()) first = fmt::format("{}, column '{}' ({})", where, column.name, column.type_name);
  }
}

}  // namespace

void note_time_zones(SourceReader& reader, const JobSpec& spec, const SplitChoice& splits, Report& report) {
  TimeKinds kinds;
  for (const TableSchema& table : spec.tables)
    add_time(reader, fmt::format("table '{}'", table.name), table.source, table.time_column, kinds);
  if (spec.task) {
    const auto add = [&](bool chosen, const char* split, const std::optional<std::string>& source) {
      if (chosen && source)
        add_time(reader, fmt::format("task.{}", split), *source, spec.task->time_column, kinds);
    };
    add(splits.train, "train", spec.task->train);
    add(splits.validation, "validation", spec.task->validation);
    add(splits.test, "test", spec.task->test);
  }
  if (!kinds.zoned.empty() && !kinds.plain.empty())
    report.info("some times have a zone ({}) and some have none ({}): those without are read as UTC",
                kinds.zoned, kinds.plain);
}

}  // namespace rle
