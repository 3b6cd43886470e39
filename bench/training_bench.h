// Training steps of one job, timed: from batches of the sampler, or from batch files.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "bench/cost_model.h"
#include "train/config.h"
#include "train/dataset.h"

namespace rle {

// What a source of batches gives for one step; lives until its next load.
struct StepInput {
  ModelInput model;
  LossTargets targets;
  int64_t rows = 0;  // of the label table: seeds that aren't targets of links
};

// Where batches come from. Owned by the bench; loads reuse memory.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // Told about parts of the load as StepMarks is about parts of the step.
  virtual StepInput load(int64_t step, ThreadPool& pool, StepMarks& marks) = 0;
};

// Random batches of the training split: part "sample and gather"; of links "draw negatives", "sample",
// "gather".
std::unique_ptr<BatchSource> sampled_batches(const Dataset& dataset, const TrainConfig& config);

// The batch files of a folder, round and round; all are checked first. Parts "read batch file" (its nodes by
// hop, edges by target, distinct rows, ages) and "feature gather". Errors as BatchBuilder's.
std::unique_ptr<BatchSource> batches_of_folder(const std::filesystem::path& folder, const Dataset& dataset,
                                               const TrainConfig& config, ThreadPool& pool);

struct PassResult {
  double wall_s = 0, seeds_per_s = 0, others = 0;
  std::vector<double> losses;  // per step
};

// Sizes of the last batch. Links: seeds that are targets are counted among the nodes alone.
struct BatchSize {
  int64_t seeds = 0, nodes = 0, distinct = 0, edges = 0;
};

// Borrows data and configuration; owns model and optimizer. A step is load, forward, backward and Adam.
class TrainingBench {
 public:
  TrainingBench(const Dataset& dataset, const TrainConfig& config, BatchSource& batches, ThreadPool& pool);
  ~TrainingBench();

  void warm_up(int64_t steps);
  // Steps of a pass take the batches 0, 1, ..., the same in every pass.
  PassResult pass(int64_t steps);

  int64_t parameters() const;  // values
  BatchSize batch_size() const { return batch_; }
  // Median milliseconds of each part over all steps of passes, in the order they run; "step" last.
  std::vector<std::pair<std::string, double>> parts_ms() const;
  // The mean over the batches of a pass, which are loaded once more.
  StepCosts costs(int64_t steps);

 private:
  class Marks;
  struct Trained;
  double step(int64_t index);
  int64_t updated() const;

  const TrainConfig& config_;
  BatchSource& batches_;
  ThreadPool& pool_;
  LossKind loss_;
  std::unique_ptr<Trained> trained_;
  std::unique_ptr<Marks> marks_;
  BatchSize batch_;
  uint64_t steps_ = 0;
};

}  // namespace rle
