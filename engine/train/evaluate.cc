#include "train/evaluate.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "train/batch_loader.h"
#include "train/exact_inference.h"

namespace rle {

std::vector<double> score_rows(RelationalModel& model, const Dataset& dataset, const LabelTable& labels,
                               const ScoreOptions& options, ThreadPool& pool) {
  if (options.inference == InferenceMode::kExact)
    return score_rows_exactly(model, dataset, labels, options, pool);
  RLE_CHECK(options.batch_size > 0);
  const RngKey key = RngKey(options.seed).with("sample").with("predict");
  const BatchLoader loader(dataset, labels, options.sampler);
  const int64_t outputs = dataset.encoding.outputs();
  std::vector<double> scores;
  scores.reserve(static_cast<size_t>(labels.rows * outputs));
  std::vector<int64_t> rows;
  std::vector<float> raw;
  LoadedBatch loaded;
  for (int64_t begin = 0; begin < labels.rows; begin += options.batch_size) {
    rows.resize(static_cast<size_t>(std::min(options.batch_size, labels.rows - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    loader.load(rows, key, pool, loaded);
    const std::string not_finite = model.predict(loaded.input(), pool, raw);
    RLE_CHECK(raw.size() == rows.size() * static_cast<size_t>(outputs));
    if (!not_finite.empty())
      fail(ErrorCode::kNumeric,
           "the model's output is not finite for a row of the {} split (rows {} to {} in order of time); the "
           "first module whose output was not finite is {}; look for extreme values among the features, or "
           "train with a lower learning rate",
           to_string(labels.split), begin + 1, begin + static_cast<int64_t>(rows.size()), not_finite);
    const std::vector<double> part = scores_from_outputs(dataset.task.type, outputs, raw, options.bounds);
    scores.insert(scores.end(), part.begin(), part.end());
    if (options.progress) options.progress(begin + static_cast<int64_t>(rows.size()), labels.rows);
    if (options.cancel != nullptr && options.cancel->requested())
      fail(ErrorCode::kInterrupted, "interrupted after {} of {} rows",
           begin + static_cast<int64_t>(rows.size()), labels.rows);
  }
  return scores;
}

Evaluation evaluate(RelationalModel& model, const Dataset& dataset, const LabelTable& labels,
                    const ScoreOptions& options, ThreadPool& pool) {
  if (!labels.labelled)
    fail(ErrorCode::kSpec, "the {} split has no column '{}': there is nothing to compare predictions with",
         to_string(labels.split), dataset.task.target_column);
  Evaluation evaluation;
  evaluation.score = score_rows(model, dataset, labels, options, pool);
  const Predictions predictions = labelled_predictions(dataset.encoding, labels, evaluation.score);
  evaluation.metrics = compute_metrics(predictions);
  evaluation.rows = labels.rows;
  evaluation.left_out = labels.rows - predictions.rows;
  return evaluation;
}

}  // namespace rle
