#include "task/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "task/ranking.h"

namespace rle {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr double kThreshold = 0.5;

std::vector<RankedRow> ranked(const Predictions& p) {
  std::vector<RankedRow> rows(p.value.size());
  for (size_t row = 0; row < rows.size(); ++row) rows[row] = {p.score[row], p.value[row] > 0.5};
  sort_by_score(rows);
  return rows;
}

double binary_metric(std::string_view metric, const Predictions& p) {
  if (metric == "roc_auc") return roc_auc(ranked(p));
  if (metric == "average_precision") return average_precision(ranked(p));
  DecisionCounts counts;
  for (size_t row = 0; row < p.value.size(); ++row)
    counts.add(p.value[row] > 0.5, p.score[row] >= kThreshold);
  if (metric == "precision") return counts.precision();
  if (metric == "recall") return counts.recall();
  if (metric == "f1") return counts.f1();
  return 1.0 -
         static_cast<double>(counts.false_positive + counts.false_negative) / static_cast<double>(p.rows);
}

int64_t best_class(const Predictions& p, int64_t row) {
  const auto begin = p.score.begin() + row * p.outputs;
  return std::max_element(begin, begin + p.outputs) - begin;
}

double multiclass_metric(std::string_view metric, const Predictions& p) {
  std::vector<DecisionCounts> counts(static_cast<size_t>(p.outputs));
  int64_t right = 0;
  for (int64_t row = 0; row < p.rows; ++row) {
    const auto truth = static_cast<size_t>(p.class_id[static_cast<size_t>(row)]);
    const auto decided = static_cast<size_t>(best_class(p, row));
    RLE_CHECK(truth < counts.size());
    right += truth == decided;
    if (truth == decided) {
      ++counts[truth].true_positive;
    } else {
      ++counts[truth].false_negative;
      ++counts[decided].false_positive;
    }
  }
  // With one class a row, micro F1 is accuracy.
  if (metric != "macro_f1") return static_cast<double>(right) / static_cast<double>(p.rows);
  double sum = 0;
  int64_t present = 0;
  for (const DecisionCounts& entry : counts) {
    present += entry.true_positive + entry.false_positive + entry.false_negative > 0;
    sum += entry.f1();
  }
  return sum / static_cast<double>(present);
}

// (rows, outputs), 1 where the row has the label.
std::vector<uint8_t> truth_matrix(const Predictions& p) {
  std::vector<uint8_t> truth(static_cast<size_t>(p.rows * p.outputs), 0);
  for (int64_t row = 0; row < p.rows; ++row)
    for (int32_t l = p.label_offsets[static_cast<size_t>(row)];
         l < p.label_offsets[static_cast<size_t>(row) + 1]; ++l)
      truth[static_cast<size_t>(row * p.outputs + p.label_ids[static_cast<size_t>(l)])] = 1;
  return truth;
}

// The metric of the cells [first, first + step, ...).
double cells_metric(std::string_view kind, const Predictions& p, const std::vector<uint8_t>& truth,
                    size_t first, size_t step) {
  if (kind == "precision") {
    DecisionCounts counts;
    for (size_t cell = first; cell < truth.size(); cell += step)
      counts.add(truth[cell] != 0, p.score[cell] >= kThreshold);
    return counts.precision();
  }
  std::vector<RankedRow> rows;
  rows.reserve(truth.size() / step);
  for (size_t cell = first; cell < truth.size(); cell += step)
    rows.push_back({p.score[cell], truth[cell] != 0});
  sort_by_score(rows);
  return kind == "auroc" ? roc_auc(rows) : average_precision(rows);
}

// multilabel_<kind>_<micro|macro>
double multilabel_metric(std::string_view metric, const Predictions& p) {
  const size_t end = metric.rfind('_'), begin = metric.find('_') + 1;
  const std::string_view kind = metric.substr(begin, end - begin);
  const std::vector<uint8_t> truth = truth_matrix(p);
  if (metric.substr(end + 1) == "micro") return cells_metric(kind, p, truth, 0, 1);
  const auto classes = static_cast<size_t>(p.outputs);
  double sum = 0;
  for (size_t c = 0; c < classes; ++c) sum += cells_metric(kind, p, truth, c, classes);
  return sum / static_cast<double>(classes);
}

double r_squared(const Predictions& p) {
  if (p.rows < 2) return kUndefined;
  double mean = 0, residual = 0, spread = 0;
  for (double value : p.value) mean += value;
  mean /= static_cast<double>(p.rows);
  for (size_t row = 0; row < p.value.size(); ++row) {
    residual += (p.value[row] - p.score[row]) * (p.value[row] - p.score[row]);
    spread += (p.value[row] - mean) * (p.value[row] - mean);
  }
  const auto [low, high] = std::minmax_element(p.value.begin(), p.value.end());
  if (*low == *high) return residual == 0 ? 1.0 : 0.0;
  return 1.0 - residual / spread;
}

double regression_metric(std::string_view metric, const Predictions& p) {
  if (metric == "r2") return r_squared(p);
  double sum = 0;
  for (size_t row = 0; row < p.value.size(); ++row) {
    const double error = std::abs(p.value[row] - p.score[row]);
    if (metric == "rmse")
      sum += error * error;
    else if (metric == "mape")
      sum += error / std::max(std::abs(p.value[row]), std::numeric_limits<double>::epsilon());
    else
      sum += error;
  }
  const double mean = sum / static_cast<double>(p.rows);
  return metric == "rmse" ? std::sqrt(mean) : mean;
}

}  // namespace

std::vector<std::string> metric_names(TaskType type) {
  switch (type) {
    case TaskType::kBinary:
      return {"roc_auc", "average_precision", "accuracy", "f1", "precision", "recall"};
    case TaskType::kMulticlass:
      return {"macro_f1", "micro_f1", "accuracy"};
    case TaskType::kMultilabel:
      return {"multilabel_auroc_macro", "multilabel_auroc_micro",     "multilabel_auprc_macro",
              "multilabel_auprc_micro", "multilabel_precision_macro", "multilabel_precision_micro"};
    case TaskType::kRegression:
      return {"rmse", "mae", "r2", "mape"};
    case TaskType::kLinkPrediction:
    case TaskType::kRepeatedLinkPrediction:
      return {"link_prediction_map", "link_prediction_precision", "link_prediction_recall"};
  }
  return {};
}

std::string default_metric(TaskType type) { return metric_names(type).front(); }

bool higher_is_better(std::string_view metric) {
  std::vector<std::string> known;
  for (TaskType type : {TaskType::kBinary, TaskType::kMulticlass, TaskType::kMultilabel,
                        TaskType::kRegression, TaskType::kLinkPrediction})
    for (std::string& name : metric_names(type)) known.push_back(std::move(name));
  if (std::find(known.begin(), known.end(), metric) == known.end())
    fail(ErrorCode::kSpec, "there is no metric '{}'{}", metric, suggestion(metric, known));
  return metric != "rmse" && metric != "mae" && metric != "mape";
}

double compute_metric(std::string_view metric, const Predictions& p) {
  const std::vector<std::string> names = metric_names(p.type);
  if (std::find(names.begin(), names.end(), metric) == names.end())
    fail(ErrorCode::kSpec, "a {} task has no metric '{}'{}", to_string(p.type), metric,
         suggestion(metric, names));
  RLE_CHECK(static_cast<int64_t>(p.score.size()) == p.rows * p.outputs);
  if (p.rows == 0) return kUndefined;
  if (!std::all_of(p.score.begin(), p.score.end(), [](double s) { return std::isfinite(s); }))
    return kUndefined;
  switch (p.type) {
    case TaskType::kBinary:
      return binary_metric(metric, p);
    case TaskType::kMulticlass:
      return multiclass_metric(metric, p);
    case TaskType::kMultilabel:
      return multilabel_metric(metric, p);
    case TaskType::kRegression:
      return regression_metric(metric, p);
    default:
      RLE_CHECK(false);
  }
}

std::vector<MetricValue> compute_metrics(const Predictions& predictions) {
  std::vector<MetricValue> values;
  for (std::string& name : metric_names(predictions.type)) {
    const double value = compute_metric(name, predictions);
    values.push_back({std::move(name), value});
  }
  return values;
}

Predictions labelled_predictions(const LabelEncoding& encoding, const LabelTable& labels,
                                 const std::vector<double>& score) {
  Predictions p;
  p.type = encoding.type;
  p.outputs = encoding.outputs();
  RLE_CHECK(static_cast<int64_t>(score.size()) == labels.rows * p.outputs);
  if (p.type == TaskType::kMultilabel) p.label_offsets.push_back(0);
  for (int64_t row = 0; labels.labelled && row < labels.rows; ++row) {
    const auto i = static_cast<size_t>(row);
    if (labels.has_label[i] == 0) continue;
    ++p.rows;
    p.score.insert(p.score.end(), score.begin() + row * p.outputs, score.begin() + (row + 1) * p.outputs);
    if (p.type == TaskType::kMulticlass) {
      p.class_id.push_back(labels.class_id[i]);
    } else if (p.type == TaskType::kMultilabel) {
      p.label_ids.insert(p.label_ids.end(), labels.label_ids.begin() + labels.label_offsets[i],
                         labels.label_ids.begin() + labels.label_offsets[i + 1]);
      p.label_offsets.push_back(static_cast<int32_t>(p.label_ids.size()));
    } else {
      p.value.push_back(static_cast<double>(labels.value[i]));
    }
  }
  return p;
}

}  // namespace rle
