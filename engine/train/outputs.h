// From the model's raw outputs to what people and metrics see: probabilities, or values within bounds.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/report.h"
#include "nn/loss.h"
#include "task/task.h"
#include "train/config.h"

namespace rle {

LossKind loss_kind(TaskType type, const ModelConfig& config);

double logistic(double x);

// Bounds of a regression's outputs at inference, as decided when the model was trained.
struct OutputBounds {
  std::optional<double> minimum, maximum;
};

// None for other task types. The rule of Clamp (train/config.h): percentiles where asked for; bounds set by
// the user are applied, with a warning that counts the training labels outside; default bounds are left off,
// with a warning, where a training label lies outside.
OutputBounds decide_bounds(const Clamp& clamp, const LabelEncoding& encoding, const LabelTable& train,
                           Report& report);

// raw (rows, outputs) -> logistic (binary, multilabel), softmax (multiclass), or the value within the bounds
// (regression).
std::vector<double> scores_from_outputs(TaskType type, int64_t outputs, const std::vector<float>& raw,
                                        const OutputBounds& bounds);

}  // namespace rle
