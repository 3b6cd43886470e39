#include "task/baselines.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "task/figures.h"

namespace rle {
namespace {

// A label and the time from which on it is known.
struct KnownLabel {
  NodeId entity = kNoNode;
  int64_t known_us = 0;
  LabelRef label;
};

struct History {
  std::vector<KnownLabel> labels;  // by (known_us, split, row)
  std::string splits;
};

struct Sweep {
  const std::vector<KnownLabel>& labels;
  const std::vector<int64_t>& rows;  // of the target
  bool per_entity;
};

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

History usable_history(const TaskSpec& task, const std::vector<const LabelTable*>& history,
                       const LabelTable& target) {
  std::vector<const LabelTable*> tables;
  for (const LabelTable* table : history)
    if (table != nullptr && is_usable(task, *table, target)) tables.push_back(table);
  std::stable_sort(tables.begin(), tables.end(),
                   [](const LabelTable* a, const LabelTable* b) { return a->split < b->split; });
  const bool timed = task.time_column.has_value();
  const int64_t earliest = timed ? *std::min_element(target.time_us.begin(), target.time_us.end()) : 0;
  const int64_t latest = timed ? *std::max_element(target.time_us.begin(), target.time_us.end()) : 0;
  History result;
  for (const LabelTable* table : tables) {
    const size_t before = result.labels.size();
    for (int64_t row = 0; row < table->rows; ++row) {
      const auto i = static_cast<size_t>(row);
      if (table->has_label[i] == 0) continue;
      int64_t known_us = std::numeric_limits<int64_t>::min();
      if (timed && task.horizon_us) known_us = known_from(table->time_us[i], *task.horizon_us);
      if (timed && !task.horizon_us && table->time_us[i] >= earliest) continue;
      if (timed && known_us > latest) continue;
      result.labels.push_back({table->entity[i], known_us, {table, row}});
    }
    if (result.labels.size() == before) continue;
    result.splits += (result.splits.empty() ? "" : " + ") + std::string(to_string(table->split));
  }
  return result;
}

// Writes the figure of each target row's labels known by then over what `score` (rows, outputs) holds; where
// there is none the score stays. Labels and rows must be sorted by time, per entity: by (entity, time).
void sweep(const Sweep& over, const LabelTable& target, Figure& figure, int64_t outputs,
           std::vector<double>& score) {
  size_t next = 0;
  bool started = false;
  NodeId current = kNoNode;
  for (const int64_t row : over.rows) {
    const NodeId entity = target.entity[static_cast<size_t>(row)];
    if (over.per_entity && (!started || entity != current)) {
      figure.clear();
      while (next < over.labels.size() && over.labels[next].entity < entity) ++next;
      started = true;
      current = entity;
    }
    const int64_t now = target.time_us.empty() ? std::numeric_limits<int64_t>::max()
                                               : target.time_us[static_cast<size_t>(row)];
    while (next < over.labels.size() && over.labels[next].known_us <= now &&
           (!over.per_entity || over.labels[next].entity == entity))
      figure.add(over.labels[next++].label);
    figure.write(score.data() + row * outputs);
  }
}

class Baselines {
 public:
  Baselines(const LabelEncoding& encoding, History history, const LabelTable& target)
      : encoding_(encoding),
        target_(target),
        splits_(std::move(history.splits)),
        by_time_(std::move(history.labels)) {
    const auto by_known = [](const KnownLabel& a, const KnownLabel& b) { return a.known_us < b.known_us; };
    std::stable_sort(by_time_.begin(), by_time_.end(), by_known);
    by_entity_ = by_time_;
    std::stable_sort(by_entity_.begin(), by_entity_.end(),
                     [](const KnownLabel& a, const KnownLabel& b) { return a.entity < b.entity; });
    rows_by_time_.resize(static_cast<size_t>(target.rows));
    std::iota(rows_by_time_.begin(), rows_by_time_.end(), int64_t{0});
    if (!target.time_us.empty())
      std::stable_sort(rows_by_time_.begin(), rows_by_time_.end(), [&](int64_t a, int64_t b) {
        return target.time_us[static_cast<size_t>(a)] < target.time_us[static_cast<size_t>(b)];
      });
    rows_by_entity_ = rows_by_time_;
    std::stable_sort(rows_by_entity_.begin(), rows_by_entity_.end(), [&](int64_t a, int64_t b) {
      return target.entity[static_cast<size_t>(a)] < target.entity[static_cast<size_t>(b)];
    });
  }

  std::vector<double> global(Figure& figure) const {
    const int64_t outputs = encoding_.outputs();
    std::vector<double> score(static_cast<size_t>(target_.rows * outputs), neutral());
    sweep({by_time_, rows_by_time_, false}, target_, figure, outputs, score);
    return score;
  }

  std::vector<double> per_entity(Figure& figure, std::vector<double> fallback) const {
    sweep({by_entity_, rows_by_entity_, true}, target_, figure, encoding_.outputs(), fallback);
    return fallback;
  }

  BaselineResult result(std::string name, const std::vector<double>& score) const {
    return {std::move(name), splits_, compute_metrics(labelled_predictions(encoding_, target_, score))};
  }

 private:
  double neutral() const {
    if (encoding_.type == TaskType::kRegression) return 0.0;
    return encoding_.type == TaskType::kMulticlass ? 1.0 / static_cast<double>(encoding_.outputs()) : 0.5;
  }

  const LabelEncoding& encoding_;
  const LabelTable& target_;
  std::string splits_;
  std::vector<KnownLabel> by_time_, by_entity_;
  std::vector<int64_t> rows_by_time_, rows_by_entity_;
};

}  // namespace

std::vector<BaselineResult> evaluate_baselines(const TaskSpec& task, const LabelEncoding& encoding,
                                               const std::vector<const LabelTable*>& history,
                                               const LabelTable& target) {
  const bool labelled = target.labelled && std::find(target.has_label.begin(), target.has_label.end(), 1) !=
                                               target.has_label.end();
  if (!labelled) return {};
  RLE_CHECK(!task.time_column || static_cast<int64_t>(target.time_us.size()) == target.rows);
  History usable = usable_history(task, history, target);
  if (usable.labels.empty()) return {};
  const Baselines baselines(encoding, std::move(usable), target);
  const TaskType type = encoding.type;
  MeanFigure mean(type, encoding.outputs()), entity_mean(type, encoding.outputs());
  LastFigure last(type, encoding.outputs());
  std::vector<BaselineResult> results;
  const std::vector<double> prior = baselines.global(mean);
  if (type == TaskType::kRegression) {
    MedianFigure median, entity_median;
    const std::vector<double> middle = baselines.global(median);
    results.push_back(baselines.result("global mean", prior));
    results.push_back(baselines.result("global median", middle));
    results.push_back(baselines.result("entity mean", baselines.per_entity(entity_mean, prior)));
    results.push_back(baselines.result("entity median", baselines.per_entity(entity_median, middle)));
    results.push_back(baselines.result("last label", baselines.per_entity(last, middle)));
    return results;
  }
  const bool multiclass = type == TaskType::kMulticlass;
  results.push_back(baselines.result(multiclass ? "majority" : "prior", prior));
  results.push_back(baselines.result(multiclass ? "entity majority" : "entity mean",
                                     baselines.per_entity(entity_mean, prior)));
  if (type != TaskType::kMultilabel)
    results.push_back(baselines.result("last label", baselines.per_entity(last, prior)));
  return results;
}

}  // namespace rle
