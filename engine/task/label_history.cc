#include "task/label_history.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace rle {
namespace {

bool is_usable(const TaskSpec& task, const LabelTable& table, const LabelTable& target) {
  if (!table.labelled || table.rows == 0) return false;
  if (!task.time_column) return table.split != target.split;
  if (!task.horizon_us) return table.split == Split::kTrain && target.split != Split::kTrain;
  return table.split != target.split || *task.horizon_us > 0;
}

int64_t known_from(int64_t time_us, int64_t horizon_us) {
  return time_us > std::numeric_limits<int64_t>::max() - horizon_us ? std::numeric_limits<int64_t>::max()
                                                                    : time_us + horizon_us;
}

// The rows of a table in order of time.
std::vector<int64_t> rows_by_time(const LabelTable& table) {
  std::vector<int64_t> rows(static_cast<size_t>(table.rows));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  if (!table.time_us.empty())
    std::stable_sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) {
      return table.time_us[static_cast<size_t>(a)] < table.time_us[static_cast<size_t>(b)];
    });
  return rows;
}

}  // namespace

LabelHistory::LabelHistory(const TaskSpec& task, const std::vector<const LabelTable*>& history,
                           const LabelTable& target)
    : target_(target), rows_by_time_(rows_by_time(target)), rows_by_entity_(rows_by_time_) {
  RLE_CHECK(!task.time_column || static_cast<int64_t>(target.time_us.size()) == target.rows);
  std::vector<const LabelTable*> tables;
  for (const LabelTable* table : history)
    if (table != nullptr && is_usable(task, *table, target)) tables.push_back(table);
  std::stable_sort(tables.begin(), tables.end(),
                   [](const LabelTable* a, const LabelTable* b) { return a->split < b->split; });
  for (const LabelTable* table : tables) add_table(task, *table);
  std::stable_sort(by_time_.begin(), by_time_.end(),
                   [](const KnownLabel& a, const KnownLabel& b) { return a.known_us < b.known_us; });
  by_entity_ = by_time_;
  std::stable_sort(by_entity_.begin(), by_entity_.end(),
                   [](const KnownLabel& a, const KnownLabel& b) { return a.entity < b.entity; });
  std::stable_sort(rows_by_entity_.begin(), rows_by_entity_.end(), [&](int64_t a, int64_t b) {
    return target.entity[static_cast<size_t>(a)] < target.entity[static_cast<size_t>(b)];
  });
}

void LabelHistory::add_table(const TaskSpec& task, const LabelTable& table) {
  const bool timed = task.time_column.has_value();
  const int64_t earliest = timed ? target_.time_us[static_cast<size_t>(rows_by_time_.front())] : 0;
  const int64_t latest = timed ? target_.time_us[static_cast<size_t>(rows_by_time_.back())] : 0;
  const size_t before = by_time_.size();
  for (int64_t row = 0; row < table.rows; ++row) {
    const auto i = static_cast<size_t>(row);
    if (table.has_label[i] == 0) continue;
    int64_t known_us = std::numeric_limits<int64_t>::min();
    if (timed && task.horizon_us) known_us = known_from(table.time_us[i], *task.horizon_us);
    if (timed && !task.horizon_us && table.time_us[i] >= earliest) continue;
    if (timed && known_us > latest) continue;
    by_time_.push_back({table.entity[i], known_us, {&table, row}});
  }
  if (by_time_.size() > before)
    splits_ += (splits_.empty() ? "" : " + ") + std::string(to_string(table.split));
}

}  // namespace rle
