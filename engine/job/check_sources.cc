// Checks that need the sources' schemas and no rows.
#include <algorithm>

#include "base/error.h"
#include "job/column_family.h"
#include "job/load_data.h"
#include "job/spec_sections.h"
#include "table/dtype_rules.h"

namespace rle {
namespace {

using Columns = std::vector<SourceColumn>;

std::vector<std::string> names_of(const Columns& columns) {
  std::vector<std::string> names;
  for (const SourceColumn& column : columns) names.push_back(column.name);
  return names;
}

const SourceColumn* find_column(const Columns& columns, const std::string& name) {
  for (const SourceColumn& column : columns)
    if (column.name == name) return &column;
  return nullptr;
}

const SourceColumn* find_column(const std::optional<Columns>& columns, const std::string& name) {
  return columns ? find_column(*columns, name) : nullptr;
}

// Collects what is wrong, table by table.
class SourceCheck {
 public:
  explicit SourceCheck(SourceReader& reader) : reader_(reader) {}

  // nullopt, and one more problem, where the source can't be opened.
  std::optional<Columns> open(const std::string& where, const std::string& source) {
    try {
      return reader_.columns(source);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kSpec) throw;
      problems_.push_back(fmt::format("{}: {}", where, error.what()));
      return std::nullopt;
    }
  }

  // The named column, or nullptr and one more problem.
  const SourceColumn* column(const std::string& where, const std::string& source, const Columns& columns,
                             const std::string& name, const std::string& role) {
    for (const SourceColumn& column : columns) {
      if (column.name != name) continue;
      if (column.readable) return &column;
      problems_.push_back(fmt::format(
          "{}: column '{}' ({}) of {} has the type {}, which cannot be read; cast it in the source", where,
          name, role, source, column.type_name));
      return nullptr;
    }
    problems_.push_back(fmt::format("{}: {} has no column '{}' ({}){}", where, source, name, role,
                                    suggestion(name, names_of(columns))));
    return nullptr;
  }

  void time(const std::string& where, const SourceColumn& column) {
    const ColumnFamily family = family_of(column);
    if (is_time(family) || family == ColumnFamily::kText || family == ColumnFamily::kOther) return;
    problems_.push_back(
        fmt::format("{}: the time column '{}' has the type {}; expected a date, a timestamp or ISO text",
                    where, column.name, column.type_name));
  }

  void same_key(const std::string& where, const SourceColumn& column, const std::string& parent_table,
                const SourceColumn& key) {
    const ColumnFamily a = family_of(column), b = family_of(key);
    const bool text_against_number = (a == ColumnFamily::kText && b == ColumnFamily::kInteger) ||
                                     (a == ColumnFamily::kInteger && b == ColumnFamily::kText);
    if (text_against_number)
      problems_.push_back(fmt::format(
          "{}: '{}' has the type {}, but the key '{}.{}' it refers to has {}; cast one of them in its source",
          where, column.name, column.type_name, parent_table, key.name, key.type_name));
    for (const auto& [family, found] : {std::pair(a, &column), std::pair(b, &key)})
      if (is_time(family) || family == ColumnFamily::kList)
        problems_.push_back(fmt::format(
            "{}: '{}' refers to '{}.{}', but '{}' has the type {}; keys are integers or text: cast it in its "
            "source",
            where, column.name, parent_table, key.name, found->name, found->type_name));
  }

  void add(std::string problem) { problems_.push_back(std::move(problem)); }

  void finish() const {
    if (problems_.empty()) return;
    std::string text = problems_.front();
    for (size_t i = 1; i < problems_.size(); ++i) text += "\n  " + problems_[i];
    throw Error(ErrorCode::kSpec, std::move(text));
  }

 private:
  SourceReader& reader_;
  std::vector<std::string> problems_;
};

bool is_list_dtype(Dtype dtype) { return dtype == Dtype::kMultiCategorical || dtype == Dtype::kEmbedding; }

// Whether a declared dtype can be made of the column; true where its rows decide.
bool may_carry(const SourceColumn& column, Dtype dtype) {
  const ColumnFamily family = family_of(column);
  if (family == ColumnFamily::kList) return is_list_dtype(dtype);
  const std::optional<PhysicalType> type = physical_type_of(family);
  if (!type || (dtype == Dtype::kDatetime && type != PhysicalType::kString)) return true;
  return can_carry(*type, dtype);
}

bool may_be_label(TaskType task, ColumnFamily family) {
  if (is_link(task))
    return family != ColumnFamily::kFloat &&
           family != ColumnFamily::kBoolean;  // the rest is compared with the key
  if (family == ColumnFamily::kOther) return true;
  if (task == TaskType::kMultilabel) return family == ColumnFamily::kList;
  const std::optional<PhysicalType> type = physical_type_of(family);
  if (!type || type == PhysicalType::kTimestamp) return false;
  return task != TaskType::kRegression || type != PhysicalType::kString;
}

std::string_view labels_of(TaskType task) {
  if (is_link(task)) return "keys of its target_entity, or lists of them";
  if (task == TaskType::kMultilabel) return "a list of integers or of strings";
  return task == TaskType::kRegression ? "a number" : "an integer, a boolean, a float or a string";
}

void check_table(SourceCheck& check, const TableSchema& table, const Columns& columns) {
  const std::string where = fmt::format("table '{}'", table.name);
  const auto require = [&](const std::string& name, const char* role) {
    return check.column(where, table.source, columns, name, role);
  };
  if (table.primary_key) require(*table.primary_key, "primary_key");
  for (const CandidateKey& key : table.candidate_keys) require(key.column, "candidate_keys");
  for (const ForeignKey& key : table.foreign_keys) require(key.column, "foreign_keys");
  if (table.time_column)
    if (const SourceColumn* time = require(*table.time_column, "time_column")) check.time(where, *time);
  for (const ColumnSpec& column : table.columns)
    if (column.name != table.time_column) {
      const SourceColumn* found =
          table.is_key(column.name) ? find_column(columns, column.name) : require(column.name, "columns");
      if (found != nullptr && column.dtype && !may_carry(*found, *column.dtype))
        check.add(fmt::format(
            "{}: column '{}' has the type {} and can't be encoded as {}; declare another dtype, or "
            "infer",
            where, column.name, found->type_name, to_string(*column.dtype)));
    }
  for (const std::string& name : table.excluded_columns) {
    const std::vector<std::string> names = names_of(columns);
    if (std::find(names.begin(), names.end(), name) == names.end()) require(name, "exclude");
  }
}

void check_keys(SourceCheck& check, const JobSpec& spec, const std::vector<std::optional<Columns>>& columns) {
  for (size_t t = 0; t < spec.tables.size(); ++t)
    for (const ForeignKey& key : spec.tables[t].foreign_keys) {
      const TableSchema* parent = spec.find_table(key.parent_table);
      const SourceColumn* from = find_column(columns[t], key.column);
      const SourceColumn* to =
          find_column(columns[static_cast<size_t>(parent - spec.tables.data())], key.parent_column);
      if (from != nullptr && to != nullptr)
        check.same_key(fmt::format("table '{}'", spec.tables[t].name), *from, key.parent_table, *to);
    }
}

// A list stands for its items.
SourceColumn key_values(const SourceColumn& column) {
  SourceColumn values = column;
  if (family_of(column) == ColumnFamily::kList) values.arrow_format = column.item_format;
  return values;
}

const SourceColumn* key_of(const JobSpec& spec, const std::vector<std::optional<Columns>>& tables,
                           const std::string& table, const std::string& key) {
  return find_column(tables[static_cast<size_t>(spec.find_table(table) - spec.tables.data())], key);
}

void check_target(SourceCheck& check, const JobSpec& spec, const std::vector<std::optional<Columns>>& tables,
                  const std::string& where, const SourceColumn& target) {
  const TaskSpec& task = *spec.task;
  const SourceColumn values = is_link(task.type) ? key_values(target) : target;
  if (!may_be_label(task.type, family_of(values))) {
    check.add(fmt::format("{}: the target '{}' has the type {}; a {} task needs {}", where, target.name,
                          target.type_name, to_string(task.type), labels_of(task.type)));
    return;
  }
  if (!is_link(task.type)) return;
  const SourceColumn* key = key_of(spec, tables, task.target_table, task.target_key);
  if (key != nullptr) check.same_key(where, values, task.target_table, *key);
}

void check_labels(SourceCheck& check, const JobSpec& spec, const std::vector<std::optional<Columns>>& tables,
                  std::string_view split, const std::optional<std::string>& source, bool needs_target) {
  if (!source) return;
  const TaskSpec& task = *spec.task;
  const std::string where = fmt::format("task.{}", split);
  const std::optional<Columns> columns = check.open(where, *source);
  if (!columns) return;
  const SourceColumn* entity = check.column(where, *source, *columns, task.entity_column, "entity_column");
  const SourceColumn* key = key_of(spec, tables, task.entity_table, task.entity_key);
  if (entity != nullptr && key != nullptr) check.same_key(where, *entity, task.entity_table, *key);
  if (task.time_column)
    if (const SourceColumn* time = check.column(where, *source, *columns, *task.time_column, "time_column"))
      check.time(where, *time);
  const SourceColumn* target = find_column(*columns, task.target_column);
  if (needs_target) target = check.column(where, *source, *columns, task.target_column, "target");
  if (target != nullptr && target->readable) check_target(check, spec, tables, where, *target);
  if (const std::string leak = leak_of_target(spec, *source); target != nullptr && !leak.empty())
    check.add(fmt::format("{}: {}", where, leak));
}

}  // namespace

void check_sources(SourceReader& reader, const JobSpec& spec, const SplitChoice& splits) {
  SourceCheck check(reader);
  std::vector<std::optional<Columns>> columns;
  for (const TableSchema& table : spec.tables) {
    columns.push_back(check.open(fmt::format("table '{}'", table.name), table.source));
    if (columns.back()) check_table(check, table, *columns.back());
  }
  check_keys(check, spec, columns);
  if (spec.task) {
    if (splits.train) check_labels(check, spec, columns, "train", spec.task->train, true);
    if (splits.validation) check_labels(check, spec, columns, "validation", spec.task->validation, true);
    if (splits.test) check_labels(check, spec, columns, "test", spec.task->test, splits.test_needs_target);
  }
  check.finish();
}

void check_entity_keys(SourceReader& reader, const JobSpec& spec, const std::string& where,
                       const SourceColumn& keys) {
  const TableSchema* table = spec.find_table(spec.task->entity_table);
  const Columns columns = reader.columns(table->source);
  const SourceColumn* key = find_column(columns, spec.task->entity_key);
  if (key == nullptr) return;
  SourceCheck check(reader);
  check.same_key(where, keys, table->name, *key);
  check.finish();
}

void require_splits(const JobSpec& spec, const SplitChoice& splits, std::string_view command) {
  if (!spec.task)
    fail(ErrorCode::kSpec, "the specification has no task; `rle {}` needs one (docs/spec.md, task)", command);
  const auto require = [&](bool wanted, const char* split, const std::optional<std::string>& source) {
    if (wanted && !source)
      fail(ErrorCode::kSpec, "task.{} is missing: `rle {}` needs that label table", split, command);
  };
  require(splits.train, "train", spec.task->train);
  require(splits.validation, "validation", spec.task->validation);
  require(splits.test, "test", spec.task->test);
}

}  // namespace rle
