// Simple predictors to compare a model with. For a row with seed time t they use only labels whose window has
// closed: label time + horizon <= t. Cost O((n + m) log(n + m)) for n history and m target rows.
//
// Without a horizon nobody knows when a window closes. Then only training labels earlier than the earliest
// seed time of the target are used (the model learned from those too); other splits are left out. Without a
// time column all labels of the history are used. A history table of the target's own split is used only with
// times and a horizon above zero, else it would give the answer away.
#pragma once

#include <string>
#include <vector>

#include "task/metrics.h"
#include "task/task.h"

namespace rle {

struct BaselineResult {
  std::string name;    // as below
  std::string labels;  // the splits whose labels it could use: "train", "train + validation", ...
  std::vector<MetricValue> metrics;
};

// Binary, multilabel: "prior" (share of positives), "entity mean"; binary also "last label".
// Multiclass: "majority" (class shares as scores), "entity majority", "last label".
// Links: "global popularity" (the targets in most usable labels), "past visits" (in most of the entity's
// own), "past visits then popularity" (the list is filled up); ties by node, at most TaskSpec::eval_k; an
// entity without usable labels has no past visits. Regression: "global mean", "global median", "entity mean",
// "entity median", "last label". An entity without a usable label gets the global figure (last label: the
// global median in regression, else the prior). Before any label is usable: 0.5, equal shares, or 0. Several
// labels at one time: the last in canonical order is the last label. Empty where the target has no labels, or
// the history no label that is usable for any row.
std::vector<BaselineResult> evaluate_baselines(const TaskSpec& task, const LabelEncoding& encoding,
                                               const std::vector<const LabelTable*>& history,
                                               const LabelTable& target);

}  // namespace rle
