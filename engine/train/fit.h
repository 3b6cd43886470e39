// The training loop: epochs of batches in a stateless random order, Adam, validation, early stopping, the
// best epoch's parameters. The result depends on data, configuration and seed alone: neither on threads nor
// on time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/report.h"
#include "base/thread_pool.h"
#include "model/relational_model.h"
#include "task/metrics.h"
#include "train/checkpoint.h"
#include "train/dataset.h"
#include "train/fit_state.h"
#include "train/outputs.h"

namespace rle {

// After every step. Epochs and steps count from 1. Rates are 0 without a clock.
struct FitProgress {
  int64_t epoch = 0, epochs = 0, step = 0, steps = 0;
  double loss = 0;              // of this step
  double seeds_per_second = 0;  // of this epoch so far
  double seconds_left = 0;      // estimated for all remaining epochs, without early stopping
};

struct FitHooks {
  std::function<double()> clock;  // seconds from any origin
  std::function<void(const FitProgress&)> progress;
  std::function<void(const EpochRecord&)> epoch_done;
  const CancelToken* cancel = nullptr;
  // Exact resume. A state that is no longer needed, whose memory the next one reuses; may be empty.
  std::function<FitState()> spare_state;
  // After a step or an epoch: whether the state after so many steps of all epochs is wanted.
  std::function<bool(int64_t steps)> state_due;
  // Takes that state, and the last one where the training was interrupted after its first step.
  std::function<void(FitState state)> keep_state;
  // Gives, once, a state to go on from: the result has the same bits as if the training had not stopped.
  std::function<FitState()> resume;
};

struct FitResult {
  std::unique_ptr<RelationalModel> model;  // with the best epoch's parameters
  OutputBounds bounds;
  std::string metric;  // that chose the epoch
  std::optional<int64_t>
      best_epoch;  // absent: interrupted before the first evaluation, the model is as it was then
  std::vector<MetricValue> best_metrics;
  std::vector<EpochRecord> epochs;  // those that ended
  bool interrupted = false;         // by the cancel token
  bool stopped_early = false;       // by patience
  std::string failure;              // not empty: a value that is not finite ended it after the best epoch
};

// Every eval_every epochs and after the last one the validation split is scored. Stops after the step in
// which the cancel token was set. Error{kSpec}: no validation split, a metric the task type does not have.
// A loss, or an output for the validation split, that is not finite stops it, with epoch, step and the first
// module whose output was not: FitResult::failure beside the best epoch's model, or Error{kNumeric} where no
// epoch was evaluated before. Error{kIo}: the state to resume does not fit the model or the configuration.
FitResult fit(const Dataset& dataset, const TrainConfig& config, ThreadPool& pool, Report& report,
              const FitHooks& hooks = {});

// What save_model takes.
TrainedModel make_trained_model(const Dataset& dataset, const TrainConfig& config, const FitResult& result);

}  // namespace rle
