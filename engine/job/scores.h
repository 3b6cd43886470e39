// How good a model is on a split, beside simple baselines, and the forms in which that is told.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "task/baselines.h"
#include "task/metrics.h"
#include "train/dataset.h"
#include "train/evaluate.h"

namespace rle {

struct SplitScore {
  std::string split;
  int64_t rows = 0, left_out = 0;  // left out: without a label of a class that training saw
  std::string metric;              // that decides
  std::vector<MetricValue> metrics;
  std::vector<BaselineResult> baselines;  // with training labels alone, then with validation labels too
  bool windows_unknown = false;           // a task with times and without a horizon
};

// The labelled splits of a dataset that `wanted` names ("train", "validation", "test"), scored in this order.
// The baselines of a split use labels of earlier splits only. Error{kInterrupted} on cancel.
std::vector<SplitScore> score_splits(RelationalModel& model, const Dataset& dataset,
                                     const std::string& metric, const ScoreOptions& options,
                                     const std::vector<std::string>& wanted, ThreadPool& pool);

// A table a split: the model, then the baselines; below it who wins on the deciding metric, and by how much.
std::string scores_text(const std::vector<SplitScore>& scores);
nlohmann::ordered_json scores_json(const std::vector<SplitScore>& scores);

// {"mae": 1.5, ...}; null where a metric is undefined.
nlohmann::ordered_json metrics_json(const std::vector<MetricValue>& metrics);

// [{"name": "past visits", "labels": "train", "metrics": {...}}, ...].
nlohmann::ordered_json baselines_json(const std::vector<BaselineResult>& baselines);

// The value of the named metric; NaN where it is not among them.
double metric_of(const std::vector<MetricValue>& metrics, const std::string& name);

}  // namespace rle
