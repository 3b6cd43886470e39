#include "train/evaluate.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "train/batch_loader.h"
#include "train/exact_inference.h"
#include "train/link_ranking.h"

namespace rle {

void check_finite(const std::string& not_finite, const LabelTable& labels, int64_t begin, int64_t end) {
  if (not_finite.empty()) return;
  fail(
      ErrorCode::kNumeric,
      "the model's output is not finite for a row of the {} split (rows {} to {} in order of time); the "
      "first "
      "module whose output was not finite is {}; look for extreme values among the features, or train with a "
      "lower learning rate",
      to_string(labels.split), begin + 1, end, not_finite);
}

void report_progress(const ScoreOptions& options, int64_t done, int64_t rows) {
  if (options.progress) options.progress(done, rows);
  if (options.cancel != nullptr && options.cancel->requested())
    fail(ErrorCode::kInterrupted, "interrupted after {} of {} rows", done, rows);
}

namespace {

void append(const std::vector<float>& values, std::vector<float>& to) {
  to.insert(to.end(), values.begin(), values.end());
}

}  // namespace

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
  ModelOutputs raw;
  LoadedBatch loaded;
  for (int64_t begin = 0; begin < labels.rows; begin += options.batch_size) {
    rows.resize(static_cast<size_t>(std::min(options.batch_size, labels.rows - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    loader.load(rows, key, pool, loaded);
    const std::string not_finite = model.predict(loaded.input(), pool, raw);
    RLE_CHECK(raw.seeds.size() == rows.size() * static_cast<size_t>(outputs));
    check_finite(not_finite, labels, begin, begin + static_cast<int64_t>(rows.size()));
    const std::vector<double> part =
        scores_from_outputs(dataset.task.type, outputs, raw.seeds, options.bounds);
    scores.insert(scores.end(), part.begin(), part.end());
    if (options.vectors != nullptr) append(model.embeddings(), options.vectors->rows);
    report_progress(options, begin + static_cast<int64_t>(rows.size()), labels.rows);
  }
  return scores;
}

Evaluation evaluate(RelationalModel& model, const Dataset& dataset, const LabelTable& labels,
                    const ScoreOptions& options, ThreadPool& pool) {
  if (!labels.labelled)
    fail(ErrorCode::kSpec, "the {} split has no column '{}': there is nothing to compare predictions with",
         to_string(labels.split), dataset.task.target_column);
  Evaluation evaluation;
  evaluation.rows = labels.rows;
  if (is_link(dataset.task.type)) {
    evaluation.ranked = rank_links(model, dataset, labels, options, pool);
    evaluation.metrics = compute_link_metrics(labels, evaluation.ranked, dataset.task.eval_k);
    evaluation.left_out = std::count(labels.target_total.begin(), labels.target_total.end(), 0);
    return evaluation;
  }
  evaluation.score = score_rows(model, dataset, labels, options, pool);
  const Predictions predictions = labelled_predictions(dataset.encoding, labels, evaluation.score);
  evaluation.metrics = compute_metrics(predictions);
  evaluation.left_out = labels.rows - predictions.rows;
  return evaluation;
}

}  // namespace rle
