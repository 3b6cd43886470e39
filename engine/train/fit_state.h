// All that a training needs to go on from a step as if it had never stopped, and its file. Randomness is a
// function of (seed, epoch, row, ...), so there is no generator to keep. The configuration, the data and the
// model's shape are not in it: whoever resumes brings the same.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/checksum.h"
#include "nn/adam.h"
#include "task/metrics.h"
#include "train/best_epoch.h"

namespace rle {

// After every epoch. `validation` is empty where the epoch was not evaluated (eval_every).
struct EpochRecord {
  int64_t epoch = 0;  // from 1
  double lr = 0, mean_loss = 0;
  std::vector<MetricValue> validation;
  bool best = false;                         // the best so far
  double seconds = 0, seeds_per_second = 0;  // training and validation; training alone
};

// Where a training stands between two steps.
struct FitCursor {
  int64_t epoch = 0;    // in progress, from 0
  int64_t step = 0;     // done of it; all of an epoch's: it is to be validated
  double loss_sum = 0;  // of the done steps, weighted by their seeds
  double seconds = 0;   // spent on the done steps
};

struct FitState {
  FitCursor cursor;
  std::vector<float> parameters;  // ParameterStore::values, buffers included
  AdamState adam;
  BestEpoch::State best;
  std::shared_ptr<const std::vector<float>> best_parameters;  // nullptr: no epoch was evaluated
  std::vector<MetricValue> best_metrics;
  std::vector<EpochRecord> epochs;  // those that ended

  int64_t steps() const { return adam.steps; }  // done in all epochs
};

// Every bit is kept, of NaN too. Atomic. Error{kIo}: the disk takes no more, no permission. Returns the
// file's checksum.
FileChecksum write_fit_state(const std::filesystem::path& path, const FitState& state);

// Error{kIo}: unreadable, damaged, of another format.
FitState read_fit_state(const std::filesystem::path& path);

}  // namespace rle
