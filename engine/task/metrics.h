// Evaluation metrics (docs/model.md, metrics); they agree with scikit-learn to 1e-9. Inputs are scores as the model
// outputs them: logits -> probabilities for classification (done by the caller), values for regression.
#pragma once

#include <cstdint>
#include <optional>
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
  std::vector<double> score;           // (rows, outputs) probabilities (binary: of the positive class), or values
  std::vector<double> value;           // (rows) regression; binary: 0 or 1
  std::vector<int32_t> class_id;       // (rows) multiclass
  std::vector<int32_t> label_offsets;  // (rows + 1) multilabel
  std::vector<int32_t> label_ids;
};

struct MetricValue {
  std::string name;
  double value = 0;  // NaN where undefined (one class only for roc_auc), as documented per metric
};

// roc_auc, average_precision, accuracy, f1, precision, recall; macro_f1, micro_f1, accuracy; rmse, mae, r2, mape;
// multilabel_{auprc,auroc,precision}_{micro,macro}. Classes are decided at probability 0.5 (>=), multiclass by argmax.
std::vector<std::string> metric_names(TaskType type);
std::string default_metric(TaskType type);     // binary roc_auc, multiclass macro_f1, multilabel_auroc_macro, rmse
bool higher_is_better(std::string_view metric);

double compute_metric(std::string_view metric, const Predictions& predictions);
std::vector<MetricValue> compute_metrics(const Predictions& predictions);  // all of the task type

}  // namespace rle
