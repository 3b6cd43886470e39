// Evaluation metrics (docs/model.md, metrics); they agree with scikit-learn 1.9 to 1e-9
// (tools/golden/metrics.py makes the cases). Inputs are scores as the model outputs them: logits ->
// probabilities for classification (done by the caller), values for regression. Classes are decided at
// probability 0.5 (>=); multiclass by the largest, the first among equals.
//
// Where a metric is undefined:
//   roc_auc, multilabel_auroc_*     one label only: NaN (macro: one such class makes the mean NaN, as in
//   scikit-learn) average_precision, multilabel_auprc_*   no positive: 0 precision, recall, f1 (any kind) 0 /
//   0: 0 r2                              under two rows: NaN; constant truth: 1 if met exactly, else 0 any no
//   rows, or a score that is not finite: NaN
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "task/task.h"

namespace rle {

// Scores beside truth. Rows without a label, or of a class that training never saw, must have been left out.
struct Predictions {
  TaskType type = TaskType::kBinary;
  int64_t rows = 0;
  int64_t outputs = 1;
  std::vector<double> score;      // (rows, outputs) probabilities (binary: of the positive class), or values
  std::vector<double> value;      // (rows) regression; binary: 0 or 1
  std::vector<int32_t> class_id;  // (rows) multiclass
  std::vector<int32_t> label_offsets;  // (rows + 1) multilabel
  std::vector<int32_t> label_ids;      // (labels) distinct within a row
};

// The rows of `labels` that have a usable label, beside their scores. score: (labels.rows, outputs) of all
// rows.
Predictions labelled_predictions(const LabelEncoding& encoding, const LabelTable& labels,
                                 const std::vector<double>& score);

struct MetricValue {
  std::string name;
  double value = 0;  // NaN where undefined
};

// Binary: roc_auc, average_precision, accuracy, f1, precision, recall. Multiclass: macro_f1, micro_f1,
// accuracy. Regression: rmse, mae, r2, mape. Multilabel: multilabel_{auroc,auprc,precision}_{macro,micro}.
// The default comes first. Link tasks: link_prediction_{map,precision,recall}, which compute_link_metrics has
// (task/ranked_targets.h).
std::vector<std::string> metric_names(TaskType type);
std::string default_metric(TaskType type);

// Error{kSpec} for a name that no task type has.
bool higher_is_better(std::string_view metric);

// O(n log n), of tasks other than links. Error{kSpec} for a name that the task type does not have.
double compute_metric(std::string_view metric, const Predictions& predictions);
std::vector<MetricValue> compute_metrics(const Predictions& predictions);  // all of the task type

}  // namespace rle
