#include "train/prediction_table.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/time.h"
#include "table/column_values.h"
#include "table/features.h"
#include "train/output_columns.h"

namespace rle {
namespace {

constexpr double kThreshold = 0.5;

// Class values in the type of the label column.
struct TypedClasses {
  PhysicalType type = PhysicalType::kString;
  std::string arrow_format;
  std::vector<int64_t> ints;
  std::vector<double> floats;
  std::vector<int32_t> codes;  // per class, into strings
  std::shared_ptr<const StringPool> strings;
};

bool is_string_format(const std::string& format) { return format == "u" || format == "U" || format == "vu"; }

void pool_strings(const std::vector<std::string>& classes, TypedClasses& out) {
  std::vector<std::string_view> sorted(classes.begin(), classes.end());
  std::sort(sorted.begin(), sorted.end());
  out.strings = std::make_shared<StringPool>(sorted);
  for (const std::string& text : classes) out.codes.push_back(out.strings->find(text));
}

TypedClasses typed_classes(const LabelEncoding& encoding) {
  TypedClasses out;
  out.arrow_format = encoding.arrow_format;
  if (is_string_format(encoding.arrow_format)) {
    pool_strings(encoding.classes, out);
    return out;
  }
  for (const std::string& text : encoding.classes) {
    const std::optional<int64_t> integer = text == "true" ? 1 : text == "false" ? 0 : parse_integer(text);
    const std::optional<double> number = parse_number(text);
    if (integer) out.ints.push_back(*integer);
    if (integer || number) out.floats.push_back(integer ? static_cast<double>(*integer) : *number);
  }
  const std::string& format = encoding.arrow_format;
  const bool floating = format == "e" || format == "f" || format == "g";
  if (!floating && out.ints.size() == encoding.classes.size()) {
    out.type = PhysicalType::kInt64;
  } else if (out.floats.size() == encoding.classes.size()) {
    out.type = PhysicalType::kFloat64;
  } else {  // a type whose text is no number
    out.arrow_format = std::string(1, 'u');
    pool_strings(encoding.classes, out);
  }
  return out;
}

void append_class(const TypedClasses& classes, size_t id, Column& column) {
  switch (classes.type) {
    case PhysicalType::kInt64:
      column.ints.edit().push_back(classes.ints[id]);
      break;
    case PhysicalType::kFloat64:
      column.floats.edit().push_back(classes.floats[id]);
      break;
    default:
      column.codes.edit().push_back(classes.codes[id]);
  }
}

// Scores in the order of the source, (rows, outputs).
struct SourceScores {
  int64_t rows, outputs;
  std::vector<double> score;
  const double* at(int64_t row) const { return score.data() + row * outputs; }
};

SourceScores in_source_order(const LabelTable& labels, int64_t outputs, const std::vector<double>& score) {
  SourceScores out{labels.rows, outputs, std::vector<double>(score.size())};
  for (int64_t i = 0; i < labels.rows; ++i)
    std::copy_n(score.begin() + i * outputs, outputs,
                out.score.begin() + labels.source_row[static_cast<size_t>(i)] * outputs);
  return out;
}

void add_values(Table& table, const std::string& name, const SourceScores& scores, int64_t output) {
  Column& column = add_column(table, name, PhysicalType::kFloat64, "g");
  for (int64_t row = 0; row < scores.rows; ++row) column.floats.edit().push_back(scores.at(row)[output]);
}

void add_labels(Table& table, const TypedClasses& classes, const SourceScores& scores) {
  Column& column = add_column(table, "predicted_label", classes.type, classes.arrow_format);
  column.strings = classes.strings;
  for (int64_t row = 0; row < scores.rows; ++row) {
    const double* score = scores.at(row);
    const size_t id = scores.outputs == 1
                          ? static_cast<size_t>(score[0] >= kThreshold)
                          : static_cast<size_t>(std::max_element(score, score + scores.outputs) - score);
    append_class(classes, id, column);
  }
}

void add_label_lists(Table& table, const TypedClasses& classes, const SourceScores& scores) {
  const bool strings = classes.type == PhysicalType::kString;
  RLE_CHECK(strings || classes.type == PhysicalType::kInt64);
  Column& column = add_column(table, "predicted_labels",
                              strings ? PhysicalType::kStringList : PhysicalType::kIntList, "+l");
  column.strings = classes.strings;
  column.offsets.edit().push_back(0);
  for (int64_t row = 0; row < scores.rows; ++row) {
    int64_t count = 0;
    for (int64_t c = 0; c < scores.outputs; ++c) {
      if (scores.at(row)[c] < kThreshold) continue;
      append_class(classes, static_cast<size_t>(c), column);
      ++count;
    }
    column.offsets.edit().push_back(column.offsets.back() + count);
  }
}

void add_probabilities(Table& table, const LabelEncoding& encoding, const SourceScores& scores,
                       bool flatten) {
  if (flatten) {
    for (int64_t c = 0; c < scores.outputs; ++c)
      add_values(table, "prob_" + encoding.classes[static_cast<size_t>(c)], scores, c);
    return;
  }
  Column& column = add_column(table, "predicted_probs", PhysicalType::kFloatList, "+l");
  column.floats32.edit().assign(scores.score.begin(), scores.score.end());
  for (int64_t row = 0; row <= scores.rows; ++row) column.offsets.edit().push_back(row * scores.outputs);
}

Column time_column(const std::string& name, int64_t rows, int64_t time_us) {
  Column column;
  column.name = name;
  column.type = PhysicalType::kTimestamp;
  column.arrow_format = "tsu:";
  column.rows = rows;
  column.ints.edit().assign(static_cast<size_t>(rows), time_us);
  return column;
}

int64_t required_time(const TaskSpec& task, const std::optional<int64_t>& at_us) {
  if (!at_us)
    fail(ErrorCode::kSpec, "task '{}' has a time column ('{}'): say at which time to predict (--at TIME)",
         task.name, *task.time_column);
  return *at_us;
}

}  // namespace

Table prediction_table(const TaskSpec& task, const LabelEncoding& encoding, const Table& source,
                       const LabelTable& labels, const std::vector<double>& score, bool flatten) {
  const int64_t outputs = encoding.outputs();
  RLE_CHECK(source.rows == labels.rows && source.source_rows.empty());
  RLE_CHECK(score.size() == static_cast<size_t>(labels.rows * outputs));
  std::vector<int64_t> rows(static_cast<size_t>(source.rows));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  Table table = keys_of_rows(task, source, rows);
  if (const Column* label = source.find(task.target_column)) table.columns.push_back(*label);

  const SourceScores scores = in_source_order(labels, outputs, score);
  switch (task.type) {
    case TaskType::kRegression:
      add_values(table, "predicted_value", scores, 0);
      break;
    case TaskType::kBinary:
      add_labels(table, typed_classes(encoding), scores);
      add_values(table, "predicted_prob", scores, 0);
      break;
    case TaskType::kMulticlass:
      add_labels(table, typed_classes(encoding), scores);
      add_probabilities(table, encoding, scores, flatten);
      break;
    case TaskType::kMultilabel:
      add_label_lists(table, typed_classes(encoding), scores);
      add_probabilities(table, encoding, scores, flatten);
      break;
    default:
      fail(ErrorCode::kSpec, "tasks of type {} can't be predicted yet", to_string(task.type));
  }
  return table;
}

Table entities_at(const Table& entities, const TaskSpec& task, std::optional<int64_t> at_us, Report& report) {
  const Column& keys =
      entities.at(task.entity_key.empty() ? entities.schema.primary_key.value() : task.entity_key);
  std::vector<int64_t> kept(static_cast<size_t>(entities.rows));
  std::iota(kept.begin(), kept.end(), int64_t{0});
  std::erase_if(kept, [&](int64_t row) { return keys.is_null(row); });  // of a candidate key
  if (task.time_column && entities.schema.time_column) {
    const int64_t at = required_time(task, at_us);
    const std::vector<uint8_t> visible = visible_rows(entities, {task.current_time ? at : at - 1});
    std::erase_if(kept, [&](int64_t row) { return visible[static_cast<size_t>(row)] == 0; });
    if (const int64_t left_out = entities.rows - static_cast<int64_t>(kept.size()); left_out > 0)
      report.info("table '{}': {} of {} entities are later than {} or have no time, and get no prediction",
                  entities.schema.name, left_out, entities.rows, format_time(at));
  }
  Table table;
  table.schema.name = entities.schema.name;
  table.rows = static_cast<int64_t>(kept.size());
  table.columns.push_back(keys.permuted(kept));
  table.columns.back().name = task.entity_column;
  if (task.time_column)
    table.columns.push_back(time_column(*task.time_column, table.rows, required_time(task, at_us)));
  return table;
}

Table keys_at(const Table& keys, const TaskSpec& task, std::optional<int64_t> at_us) {
  const Column* column = keys.find(task.entity_column);
  if (column == nullptr && keys.columns.size() == 1) column = &keys.columns.front();
  if (column == nullptr)
    fail(ErrorCode::kSpec, "the list of entities '{}' has no column '{}'{}", keys.schema.name,
         task.entity_column, suggestion(task.entity_column, keys.column_names()));
  Table table;
  table.schema.name = keys.schema.name;
  table.rows = keys.rows;
  table.columns.push_back(*column);
  table.columns.back().name = task.entity_column;
  if (!task.time_column) return table;
  const Column* time = at_us ? nullptr : keys.find(*task.time_column);
  table.columns.push_back(time ? *time
                               : time_column(*task.time_column, table.rows, required_time(task, at_us)));
  return table;
}

}  // namespace rle
