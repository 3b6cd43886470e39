#include "nn/loss.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace rle {
namespace {

// log(1 + exp(-|x|)) + max(x, 0) - x y: finite for every finite x. Mean over the targets but kNotCompared.
double binary_cross_entropy(int64_t n, const float* logit, const float* target, double smoothing,
                            float* gradient) {
  const auto count = n - std::count_if(target, target + n, [](float y) { return y == kNotCompared; });
  std::fill(gradient, gradient + n, 0.0f);
  if (count == 0) return 0;
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (target[i] == kNotCompared) continue;
    const double x = logit[i], y = target[i] * (1.0 - smoothing) + 0.5 * smoothing;
    const double small = std::exp(-std::abs(x));
    sum += std::max(x, 0.0) - x * y + std::log1p(small);
    const double sigmoid = (x >= 0 ? 1.0 : small) / (1.0 + small);
    gradient[i] = static_cast<float>((sigmoid - y) / static_cast<double>(count));
  }
  return sum / static_cast<double>(count);
}

// Target distribution (1 - a) one-hot + a / classes; -sum of it times log softmax.
double cross_entropy(int64_t n, int64_t classes, const float* logits, const int32_t* target, double smoothing,
                     float* gradient) {
  double sum = 0;
  const double spread = smoothing / static_cast<double>(classes);
  for (int64_t i = 0; i < n; ++i) {
    const float* x = logits + i * classes;
    float* g = gradient + i * classes;
    RLE_CHECK(target[i] >= 0 && target[i] < classes);
    const double highest = *std::max_element(x, x + classes);
    double total = 0, mean = 0;
    for (int64_t c = 0; c < classes; ++c) {
      total += std::exp(x[c] - highest);
      mean += x[c];
    }
    mean /= static_cast<double>(classes);
    const double log_total = highest + std::log(total);
    sum += log_total - (1.0 - smoothing) * x[target[i]] - smoothing * mean;
    for (int64_t c = 0; c < classes; ++c) {
      const double wanted = spread + (c == target[i] ? 1.0 - smoothing : 0.0);
      g[c] = static_cast<float>((std::exp(x[c] - log_total) - wanted) / static_cast<double>(n));
    }
  }
  return sum / static_cast<double>(n);
}

double absolute_error(int64_t n, const float* output, const float* target, float* gradient) {
  double sum = 0;
  const float share = static_cast<float>(1.0 / static_cast<double>(n));
  for (int64_t i = 0; i < n; ++i) {
    const double difference = static_cast<double>(output[i]) - static_cast<double>(target[i]);
    sum += std::abs(difference);
    gradient[i] = difference > 0 ? share : difference < 0 ? -share : 0.0f;
    if (std::isnan(difference)) gradient[i] = static_cast<float>(difference);
  }
  return sum / static_cast<double>(n);
}

}  // namespace

double loss_and_gradient(LossKind kind, int64_t n, int64_t outputs, const float* output,
                         const LossTargets& targets, float* gradient) {
  RLE_CHECK(n > 0 && outputs > 0);
  switch (kind) {
    case LossKind::kBinaryCrossEntropy:
      RLE_CHECK(outputs == 1 && targets.value != nullptr);
      return binary_cross_entropy(n, output, targets.value, targets.label_smoothing, gradient);
    case LossKind::kMultilabelCrossEntropy:
      RLE_CHECK(targets.multi_hot != nullptr);
      return binary_cross_entropy(n * outputs, output, targets.multi_hot, targets.label_smoothing, gradient);
    case LossKind::kCrossEntropy:
      RLE_CHECK(targets.class_id != nullptr);
      return cross_entropy(n, outputs, output, targets.class_id, targets.label_smoothing, gradient);
    case LossKind::kL1:
      RLE_CHECK(outputs == 1 && targets.value != nullptr);
      return absolute_error(n, output, targets.value, gradient);
    default:
      break;
  }
  RLE_CHECK(false);
}

}  // namespace rle
