#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/time.h"
#include "task/class_values.h"
#include "task/label_rows.h"
#include "task/link_labels.h"

namespace rle {
namespace {

constexpr float kNoLabel = std::numeric_limits<float>::quiet_NaN();

const Column& required_column(const Table& table, const std::string& name, std::string_view role) {
  const Column* column = table.find(name);
  if (column == nullptr)
    fail(ErrorCode::kSpec, "table '{}' has no {} column '{}'{}", table.schema.name, role, name,
         suggestion(name, table.column_names()));
  return *column;
}

void require_no_nulls(const Table& table, const Column& column, std::string_view role, Split split) {
  const int64_t nulls = column.null_count();
  if (nulls == 0) return;
  int64_t first = 0;
  while (!column.is_null(first)) ++first;
  fail(ErrorCode::kData,
       "{} column '{}' of table '{}' ({}) is null in {} of {} rows, first {}; leave these rows out", role,
       column.name, table.schema.name, to_string(split), nulls, table.rows, row_name(table, first));
}

void require_known_entities(const TaskSpec& task, const Table& table, const Column& keys,
                            const std::vector<NodeId>& node, Split split) {
  const auto first = std::find(node.begin(), node.end(), kNoNode);
  if (first == node.end()) return;
  fail(ErrorCode::kData,
       "column '{}' of table '{}' ({}): {} of {} rows name an entity that table '{}' does not have, first "
       "'{}' in {}; add the "
       "entities or leave these rows out",
       keys.name, table.schema.name, to_string(split), std::count(first, node.end(), kNoNode), table.rows,
       task.entity_table, keys.display(first - node.begin()), row_name(table, first - node.begin()));
}

void require_present_entities(const TaskSpec& task, const Table& table, const Column& keys,
                              const Column& times, const EntityJoin& join, Split split) {
  int64_t late = 0, never = 0, first = -1;
  for (int64_t row = 0; row < table.rows; ++row) {
    const int64_t node_time = join.node_time_us[static_cast<size_t>(row)];
    if (node_time <= times.ints[static_cast<size_t>(row)]) continue;
    if (late + never == 0) first = row;
    ++(node_time == kNeverVisible ? never : late);
  }
  if (late + never == 0) return;
  const int64_t node_time = join.node_time_us[static_cast<size_t>(first)];
  fail(ErrorCode::kData,
       "table '{}' ({}): in {} of {} rows the entity is later than the seed time, in {} it has no time; "
       "first in {}: '{}' of "
       "table '{}' {}, the seed time is {}; a model may not see an entity before it exists, leave these rows "
       "out",
       table.schema.name, to_string(split), late, table.rows, never, row_name(table, first),
       keys.display(first), task.entity_table,
       node_time == kNeverVisible ? std::string("has no time") : "has time " + format_time(node_time),
       format_time(times.ints[static_cast<size_t>(first)]));
}

void check_rows(const TaskSpec& task, const Table& table, Split split, Report& report) {
  if (table.rows > 0) return;
  if (split != Split::kTest)
    fail(ErrorCode::kData,
         "empty split: table '{}' ({}) has no rows; put labelled rows into its source, or name another one",
         table.schema.name, to_string(split));
  report.warning("table '{}' (test) has no rows: there is nothing to predict for task '{}'",
                 table.schema.name, task.name);
}

// What encoding met that a person should know.
struct LabelCounts {
  int64_t missing = 0, unseen = 0;  // unseen: rows, or list elements
  std::string first_unseen;
};

void note_unseen(const Column& target, int64_t value, LabelCounts& counts) {
  if (counts.unseen++ == 0) counts.first_unseen = ClassValues(target).text(value);
}

void encode_value(const Column& target, int64_t row, LabelTable& labels) {
  labels.value.push_back(static_cast<float>(number_at(target, row)));
  labels.has_label.push_back(1);
}

void encode_class(const Column& target, int64_t row, ClassLookup& lookup, TaskType type, LabelTable& labels,
                  LabelCounts& counts) {
  const int32_t id = lookup.id(row);
  if (id < 0) note_unseen(target, row, counts);
  labels.has_label.push_back(id >= 0);
  if (type == TaskType::kBinary)
    labels.value.push_back(id < 0 ? kNoLabel : static_cast<float>(id));
  else
    labels.class_id.push_back(id);
}

void encode_list(const Column& target, int64_t row, ClassLookup& lookup, LabelTable& labels,
                 LabelCounts& counts) {
  const auto begin = static_cast<std::ptrdiff_t>(labels.label_ids.size());
  const ElementRange range = elements_at(target, row);
  for (int64_t e = range.begin; e < range.end; ++e) {
    const int32_t id = lookup.id(e);
    if (id < 0)
      note_unseen(target, e, counts);
    else
      labels.label_ids.push_back(id);
  }
  std::sort(labels.label_ids.begin() + begin, labels.label_ids.end());
  labels.label_ids.erase(std::unique(labels.label_ids.begin() + begin, labels.label_ids.end()),
                         labels.label_ids.end());
  labels.has_label.push_back(1);
}

void encode_missing(TaskType type, LabelTable& labels) {
  labels.has_label.push_back(0);
  if (type == TaskType::kMulticlass) labels.class_id.push_back(-1);
  if (type == TaskType::kBinary || type == TaskType::kRegression) labels.value.push_back(kNoLabel);
}

void report_counts(const TaskSpec& task, const Table& table, Split split, const LabelCounts& counts,
                   Report& report) {
  if (counts.missing > 0)
    report.info("table '{}' ({}): {} of {} rows have no label; they are predicted and left out of metrics",
                table.schema.name, to_string(split), counts.missing, table.rows);
  if (counts.unseen == 0) return;
  if (task.type == TaskType::kMultilabel)
    report.warning(
        "table '{}' ({}): {} labels in column '{}' are of classes that training never saw (first '{}'); they "
        "are "
        "left out of metrics",
        table.schema.name, to_string(split), counts.unseen, task.target_column, counts.first_unseen);
  else
    report.warning(
        "table '{}' ({}): {} of {} rows have a class in column '{}' that training never saw (first '{}'); "
        "they are "
        "predicted and left out of metrics",
        table.schema.name, to_string(split), counts.unseen, table.rows, task.target_column,
        counts.first_unseen);
}

LabelCounts encode_labels(const LabelEncoding& encoding, const Column& target,
                          const std::vector<int64_t>& order, LabelTable& labels) {
  LabelCounts counts;
  const TaskType type = encoding.type;
  if (type == TaskType::kMultilabel && target.offsets.back() > std::numeric_limits<int32_t>::max())
    fail(ErrorCode::kData, "target column '{}' has {} labels in one split; at most 2147483647 are supported",
         target.name, target.offsets.back());
  std::optional<ClassLookup> lookup;
  if (type != TaskType::kRegression) lookup.emplace(encoding, target);
  if (type == TaskType::kMultilabel) labels.label_offsets.push_back(0);
  for (const int64_t row : order) {
    if (is_missing_label(target, row)) {
      ++counts.missing;
      encode_missing(type, labels);
    } else if (type == TaskType::kRegression) {
      encode_value(target, row, labels);
    } else if (type == TaskType::kMultilabel) {
      encode_list(target, row, *lookup, labels, counts);
    } else {
      encode_class(target, row, *lookup, type, labels, counts);
    }
    if (type == TaskType::kMultilabel)
      labels.label_offsets.push_back(static_cast<int32_t>(labels.label_ids.size()));
  }
  return counts;
}

// nullptr: the test split of a prediction has no labels.
const Column* split_target(const TaskSpec& task, const Table& table, Split split) {
  if (split == Split::kTest && table.find(task.target_column) == nullptr) return nullptr;
  const Column& target = target_column(task, table);
  if (split == Split::kTrain) require_labels(task, table, target, split);
  if (task.type == TaskType::kRegression) require_finite_targets(task, table, target, split);
  return &target;
}

const Column* split_times(const TaskSpec& task, const Table& table, Split split) {
  if (!task.time_column) return nullptr;
  const Column& times = required_column(table, *task.time_column, "time");
  if (times.type != PhysicalType::kTimestamp)
    fail(ErrorCode::kSpec,
         "time column '{}' of table '{}' is of type {}, which is no time; expected a date, a timestamp or "
         "ISO text such as "
         "2020-08-31 12:30:15",
         times.name, table.schema.name, to_string(times.type));
  require_no_nulls(table, times, "time", split);
  return &times;
}

EntityJoin join_entities(const TaskSpec& task, const Graph& graph, const Table& table) {
  const NodeTypeId type = graph.schema().find_node_type(task.entity_table);
  const Column& keys = required_column(table, task.entity_column, "entity");
  EntityJoin join;
  join.node = graph.lookup(type, task.entity_key.empty() ? task.entity_column : task.entity_key, keys);
  if (task.time_column && graph.schema().node_types[type.index()].has_time) {
    join.node_time_us.reserve(join.node.size());
    for (const NodeId node : join.node)
      join.node_time_us.push_back(node == kNoNode ? kAlwaysVisible : graph.node_time_us(type, node));
  }
  return join;
}

}  // namespace

std::vector<int64_t> canonical_rows(const EntityJoin& join, const Column* times, const Column* target) {
  std::vector<int64_t> order(join.node.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const auto i = static_cast<size_t>(a), j = static_cast<size_t>(b);
    if (times != nullptr && times->ints[i] != times->ints[j]) return times->ints[i] < times->ints[j];
    if (join.node[i] != join.node[j]) return join.node[i] < join.node[j];
    return target != nullptr && target->compare(a, b) < 0;
  });
  return order;
}

LabelColumns check_label_columns(const TaskSpec& task, const EntityJoin& join, Split split,
                                 const Table& table, Report& report) {
  check_rows(task, table, split, report);
  const Column& keys = required_column(table, task.entity_column, "entity");
  require_no_nulls(table, keys, "entity", split);
  const LabelColumns columns{split_times(task, table, split), split_target(task, table, split)};
  require_known_entities(task, table, keys, join.node, split);
  if (columns.times != nullptr && !join.node_time_us.empty())
    require_present_entities(task, table, keys, *columns.times, join, split);
  return columns;
}

void append_seed(const EntityJoin& join, const LabelColumns& columns, const Table& table, int64_t row,
                 LabelTable& labels) {
  ++labels.rows;
  labels.entity.push_back(join.node[static_cast<size_t>(row)]);
  if (columns.times != nullptr) labels.time_us.push_back(columns.times->ints[static_cast<size_t>(row)]);
  labels.source_row.push_back(table.source_row(row));
}

LabelTable encode_label_table(const TaskSpec& task, const LabelEncoding& encoding, const EntityJoin& join,
                              Split split, const Table& table, Report& report) {
  const LabelColumns columns = check_label_columns(task, join, split, table, report);
  LabelTable labels;
  labels.split = split;
  labels.labelled = columns.target != nullptr;
  const std::vector<int64_t> order = canonical_rows(join, columns.times, columns.target);
  for (const int64_t row : order) append_seed(join, columns, table, row, labels);
  if (columns.target != nullptr)
    report_counts(task, table, split, encode_labels(encoding, *columns.target, order, labels), report);
  return labels;
}

LabelTable make_label_table(const TaskSpec& task, const LabelEncoding& encoding, const Graph& graph,
                            Split split, const Table& table, Report& report) {
  const EntityJoin join = join_entities(task, graph, table);
  if (is_link(task.type)) return link_label_table(task, join, graph, split, table, report);
  return encode_label_table(task, encoding, join, split, table, report);
}

}  // namespace rle
