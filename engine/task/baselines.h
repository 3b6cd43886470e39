// Simple predictors to compare a model with: they use only labels whose window has closed by the seed time (label time +
// horizon <= seed time).
#pragma once

#include <string>
#include <vector>

#include "task/metrics.h"
#include "task/task.h"

namespace rle {

struct BaselineResult {
  std::string name;    // "prior", "majority", "entity mean", "entity median", "last label", "global mean", "global median"
  std::string labels;  // which labels it used: "train" or "train + validation"
  std::vector<MetricValue> metrics;
};

// history: the label tables a baseline may look at. An entity without a usable label falls back to the global figure.
std::vector<BaselineResult> evaluate_baselines(const TaskSpec& task, const LabelEncoding& encoding,
                                               const std::vector<const LabelTable*>& history, const LabelTable& target);

}  // namespace rle
