#include "task/link_labels.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>

#include "base/error.h"
#include "base/time.h"
#include "graph/key_index.h"
#include "task/class_values.h"

namespace rle {
namespace {

// How often something was met, and where first in the source.
struct Finding {
  int64_t count = 0, key = -1, row = -1;

  void add(int64_t of_key, int64_t of_row) {
    ++count;
    if (row >= 0 && row <= of_row) return;
    key = of_key;
    row = of_row;
  }
};

struct Findings {
  int64_t keys = 0, empty = 0, unreachable = 0, missing = 0;
  Finding unknown, later, repeated;
};

// The rows of each seed, seed after seed in canonical order.
struct Seeds {
  std::vector<int64_t> rows;
  std::vector<int64_t> ends;
};

bool same_seed(const EntityJoin& join, const Column* times, int64_t a, int64_t b) {
  const auto i = static_cast<size_t>(a), j = static_cast<size_t>(b);
  return join.node[i] == join.node[j] && (times == nullptr || times->ints[i] == times->ints[j]);
}

Seeds find_seeds(const EntityJoin& join, const LabelColumns& columns) {
  const bool one_key_a_row = columns.target != nullptr && !is_list(columns.target->type);
  Seeds seeds;
  seeds.rows = canonical_rows(join, columns.times, one_key_a_row ? nullptr : columns.target);
  for (size_t i = 0; i < seeds.rows.size(); ++i)
    if (!one_key_a_row || i + 1 == seeds.rows.size() ||
        !same_seed(join, columns.times, seeds.rows[i], seeds.rows[i + 1]))
      seeds.ends.push_back(static_cast<int64_t>(i) + 1);
  return seeds;
}

// Joins the keys of one seed after the other. Borrows everything.
class LinkEncoder {
 public:
  LinkEncoder(const TaskSpec& task, const Graph& graph, const Column& target, const Column& keys)
      : graph_(graph),
        current_time_(task.current_time),
        type_(graph.schema().find_node_type(task.target_table)),
        target_(target),
        keys_(keys),
        nodes_(graph.lookup(type_, task.target_key, keys)) {}

  // Seeds must come in order of time. rows: of the table, at least one.
  void add(const std::vector<int64_t>& rows, const int64_t* time_us, LabelTable& labels);

  const Findings& findings() const { return findings_; }
  int64_t target_time_us(int64_t key) const {
    return graph_.node_time_us(type_, nodes_[static_cast<size_t>(key)]);
  }

 private:
  struct Key {
    int64_t value, key, row;
  };

  bool collect(const std::vector<int64_t>& rows);
  void look_at(const int64_t* time_us);
  void add_target(const Key& key, LabelTable& labels);

  const Graph& graph_;
  bool current_time_;
  NodeTypeId type_;
  const Column& target_;
  const Column& keys_;
  std::vector<NodeId> nodes_;  // (keys)
  SeedLimits limits_;          // of one seed, at seen_us_
  int64_t seen_us_ = 0;
  std::vector<Key> seed_keys_;
  Findings findings_;
};

// Fills seed_keys_ by (value, place); false without a label.
bool LinkEncoder::collect(const std::vector<int64_t>& rows) {
  seed_keys_.clear();
  bool labelled = false;
  for (const int64_t row : rows) {
    if (target_.is_null(row)) continue;
    labelled = true;
    const ElementRange range = is_list(target_.type) ? elements_at(target_, row) : ElementRange{row, row + 1};
    for (int64_t key = range.begin; key < range.end; ++key)
      seed_keys_.push_back({key_at(keys_, key), key, row});
  }
  std::sort(seed_keys_.begin(), seed_keys_.end(), [](const Key& a, const Key& b) {
    return a.value != b.value ? a.value < b.value : a.key < b.key;
  });
  return labelled;
}

void LinkEncoder::look_at(const int64_t* time_us) {
  if (limits_.seeds == 1 && (time_us == nullptr || seen_us_ == *time_us)) return;
  graph_.seed_limits(time_us, 1, current_time_, limits_);
  if (time_us != nullptr) seen_us_ = *time_us;
}

void LinkEncoder::add_target(const Key& key, LabelTable& labels) {
  const NodeId node = nodes_[static_cast<size_t>(key.key)];
  if (node == kNoNode)
    findings_.unknown.add(key.key, key.row);
  else if (node >= limits_.end[type_.index()])
    findings_.later.add(key.key, key.row);
  else
    labels.targets.push_back(node);
}

void LinkEncoder::add(const std::vector<int64_t>& rows, const int64_t* time_us, LabelTable& labels) {
  const bool labelled = collect(rows);
  look_at(time_us);
  const auto begin = static_cast<std::ptrdiff_t>(labels.targets.size());
  int32_t distinct = 0;
  for (size_t i = 0; i < seed_keys_.size(); ++i) {
    ++findings_.keys;
    if (i > 0 && seed_keys_[i].value == seed_keys_[i - 1].value) {
      findings_.repeated.add(seed_keys_[i].key, seed_keys_[i].row);
      continue;
    }
    ++distinct;
    add_target(seed_keys_[i], labels);
  }
  std::sort(labels.targets.begin() + begin, labels.targets.end());
  const auto end = static_cast<int64_t>(labels.targets.size());
  labels.target_offsets.push_back(end);
  labels.target_total.push_back(distinct);
  labels.has_label.push_back(labelled);
  if (!labelled)
    ++findings_.missing;
  else if (distinct == 0)
    ++findings_.empty;
  else if (end == begin)
    ++findings_.unreachable;
}

// "3 name no row of table 'circuits', first 99 in row 7 of the source (counted from 1)"
std::string unknown_text(const TaskSpec& task, const Table& table, const Column& keys,
                         const Finding& unknown) {
  return fmt::format("{} name no row of table '{}', first {} in {}", unknown.count, task.target_table,
                     key_text(keys, unknown.key), row_name(table, unknown.row));
}

std::string later_text(const TaskSpec& task, const Table& table, const Column& keys, const Finding& later,
                       int64_t target_time_us) {
  std::string when = target_time_us == kNeverVisible
                         ? "it has no time"
                         : fmt::format("its time is {}", format_time(target_time_us));
  if (task.time_column)
    when += fmt::format(", the seed's {}",
                        format_time(table.at(*task.time_column).ints[static_cast<size_t>(later.row)]));
  return fmt::format(
      "{} name rows of table '{}' that are not there yet at the time of the seed, first {} in {}: {}",
      later.count, task.target_table, key_text(keys, later.key), row_name(table, later.row), when);
}

// What is wrong with single keys, one after the other; empty: nothing.
std::vector<std::string> key_problems(const TaskSpec& task, const Table& table, const Column& keys,
                                      const LinkEncoder& encoder) {
  std::vector<std::string> out;
  const Findings& found = encoder.findings();
  if (found.unknown.count > 0) out.push_back(unknown_text(task, table, keys, found.unknown));
  if (found.later.count > 0)
    out.push_back(later_text(task, table, keys, found.later, encoder.target_time_us(found.later.key)));
  return out;
}

void require_targets(const TaskSpec& task, const Table& table, const Column& keys,
                     const LinkEncoder& encoder) {
  const std::string where =
      fmt::format("target column '{}' of table '{}' (train)", task.target_column, table.schema.name);
  if (encoder.findings().keys == 0)
    fail(ErrorCode::kData, "{}: every list is empty, there is no link to learn", where);
  fail(ErrorCode::kData,
       "{}: none of its {} keys can be predicted, so there is nothing to learn: {}; the column must hold "
       "values "
       "of {}.{}, of rows that are there by the time of the prediction",
       where, encoder.findings().keys, fmt::join(key_problems(task, table, keys, encoder), "; "),
       task.target_table, task.target_key);
}

void report_findings(const TaskSpec& task, const Table& table, Split split, const Column& keys,
                     const LinkEncoder& encoder, const LabelTable& labels, Report& report) {
  const Findings& found = encoder.findings();
  const std::string where = fmt::format("table '{}' ({})", table.schema.name, to_string(split));
  for (const std::string& problem : key_problems(task, table, keys, encoder))
    report.warning(
        "{}: of {} keys in column '{}' {}; no model can predict them: training leaves them out, metrics "
        "count "
        "them as missed",
        where, found.keys, task.target_column, problem);
  if (found.unreachable > 0)
    report.warning("{}: {} of {} seeds have only such keys", where, found.unreachable, labels.rows);
  if (found.repeated.count > 0)
    report.info("{}: {} keys in column '{}' occur again in their seed, first {} in {}; each counts once",
                where, found.repeated.count, task.target_column, key_text(keys, found.repeated.key),
                row_name(table, found.repeated.row));
  if (found.empty > 0)
    report.info(
        "{}: {} of {} seeds link to nothing (an empty list); they are left out of the loss and of metrics",
        where, found.empty, labels.rows);
  if (found.missing > 0)
    report.info("{}: {} of {} seeds have no label; they are predicted and left out of metrics", where,
                found.missing, labels.rows);
}

}  // namespace

Column key_values(const Column& target) {
  if (!is_list(target.type)) return target;
  Column keys;
  keys.name = target.name;
  keys.type = target.type == PhysicalType::kStringList ? PhysicalType::kString : PhysicalType::kInt64;
  keys.arrow_format = std::string(1, keys.type == PhysicalType::kString ? 'u' : 'l');
  keys.rows = target.offsets.back();
  keys.ints = target.ints;
  keys.codes = target.codes;
  keys.strings = target.strings;
  return keys;
}

LabelTable link_label_table(const TaskSpec& task, const EntityJoin& join, const Graph& graph, Split split,
                            const Table& table, Report& report) {
  const LabelColumns columns = check_label_columns(task, join, split, table, report);
  LabelTable labels;
  labels.split = split;
  labels.labelled = columns.target != nullptr;
  const Seeds seeds = find_seeds(join, columns);
  int64_t begin = 0;
  for (const int64_t end : seeds.ends) {
    append_seed(join, columns, table, seeds.rows[static_cast<size_t>(begin)], labels);
    begin = end;
  }
  if (columns.target == nullptr) return labels;

  const Column keys = key_values(*columns.target);
  LinkEncoder encoder(task, graph, *columns.target, keys);
  labels.target_offsets.push_back(0);
  std::vector<int64_t> rows;
  begin = 0;
  for (size_t seed = 0; seed < seeds.ends.size(); ++seed) {
    rows.assign(seeds.rows.begin() + begin, seeds.rows.begin() + seeds.ends[seed]);
    begin = seeds.ends[seed];
    encoder.add(rows, columns.times == nullptr ? nullptr : &labels.time_us[seed], labels);
  }
  if (split == Split::kTrain && labels.targets.empty()) require_targets(task, table, keys, encoder);
  report_findings(task, table, split, keys, encoder, labels, report);
  return labels;
}

}  // namespace rle
