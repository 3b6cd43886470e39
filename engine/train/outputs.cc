#include "train/outputs.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace rle {
namespace {

std::string bound_text(const OutputBounds& bounds) {
  return fmt::format("[{}, {}]", bounds.minimum ? fmt::format("{}", *bounds.minimum) : "-",
                     bounds.maximum ? fmt::format("{}", *bounds.maximum) : "-");
}

void softmax(const float* logits, int64_t classes, double* out) {
  const double highest = *std::max_element(logits, logits + classes);
  double total = 0;
  for (int64_t c = 0; c < classes; ++c) total += out[c] = std::exp(logits[c] - highest);
  for (int64_t c = 0; c < classes; ++c) out[c] /= total;
}

}  // namespace

double logistic(double x) {
  const double small = std::exp(-std::abs(x));
  return (x >= 0 ? 1.0 : small) / (1.0 + small);
}

LossKind loss_kind(TaskType type, const ModelConfig& config) {
  switch (type) {
    case TaskType::kBinary:
      return LossKind::kBinaryCrossEntropy;
    case TaskType::kMulticlass:
      return LossKind::kCrossEntropy;
    case TaskType::kMultilabel:
      return LossKind::kMultilabelCrossEntropy;
    case TaskType::kRegression:
      return LossKind::kL1;
    case TaskType::kRepeatedLinkPrediction:
      return LossKind::kBinaryCrossEntropy;
    case TaskType::kLinkPrediction:
      return config.link_fusion ? LossKind::kFusion : LossKind::kBpr;
  }
  RLE_CHECK(false);
}

OutputBounds decide_bounds(const Clamp& clamp, const LabelEncoding& encoding, const LabelTable& train,
                           Report& report) {
  if (encoding.type != TaskType::kRegression) return {};
  if (clamp.use_percentiles) return {encoding.percentile_2, encoding.percentile_98};
  const OutputBounds bounds{clamp.minimum, clamp.maximum};
  const int64_t outside = std::count_if(train.value.begin(), train.value.end(), [&](float label) {
    return (bounds.minimum && label < *bounds.minimum) || (bounds.maximum && label > *bounds.maximum);
  });
  if (outside == 0) return bounds;
  if (!clamp.user_set) {
    report.warning(
        "{} of {} training labels lie outside the default output bounds {} (clamp_min, clamp_max): "
        "predictions are not "
        "clamped; set the bounds to have them applied",
        outside, train.rows, bound_text(bounds));
    return {};
  }
  report.warning(
      "{} of {} training labels lie outside the output bounds {} (clamp_min, clamp_max): predictions can't "
      "reach them",
      outside, train.rows, bound_text(bounds));
  return bounds;
}

std::vector<double> scores_from_outputs(TaskType type, int64_t outputs, const std::vector<float>& raw,
                                        const OutputBounds& bounds) {
  RLE_CHECK(outputs > 0 && raw.size() % static_cast<size_t>(outputs) == 0);
  std::vector<double> scores(raw.begin(), raw.end());
  if (type == TaskType::kMulticlass) {
    for (size_t row = 0; row < raw.size(); row += static_cast<size_t>(outputs))
      softmax(raw.data() + row, outputs, scores.data() + row);
    return scores;
  }
  for (double& score : scores) {
    if (type != TaskType::kRegression) {
      score = logistic(score);
    } else {
      if (bounds.minimum && score < *bounds.minimum) score = *bounds.minimum;
      if (bounds.maximum && score > *bounds.maximum) score = *bounds.maximum;
    }
  }
  return scores;
}

}  // namespace rle
