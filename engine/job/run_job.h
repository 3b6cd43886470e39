// The runs behind `rle fit`, `evaluate` and `predict`: from a specification to a model, figures, an output
// table. What arguments, specification and schemas tell is checked before rows are read, and all of that
// before anything is trained.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/report.h"
#include "base/thread_pool.h"
#include "ingest/writer.h"
#include "job/job_spec.h"
#include "job/scores.h"
#include "train/fit.h"

namespace rle {

// What a run computes with and talks to. Borrowed.
struct RunContext {
  ThreadPool& pool;
  Report& report;
  const CancelToken* cancel = nullptr;
  std::function<void(int64_t done, int64_t rows)> scored = {};  // progress of evaluation and prediction
};

// How a trained model is scored: with its own sampler, bounds, seed and batch size.
ScoreOptions score_options(const TrainedModel& model, const JobSpec& spec, const RunContext& context);

struct FitOutcome {
  int64_t epochs = 0;                 // that ended
  std::optional<int64_t> best_epoch;  // absent: stopped before the first evaluation, no model was saved
  std::string metric;
  bool interrupted = false, stopped_early = false;
  std::optional<int64_t> resumable_step;  // interrupted: --resume goes on after so many steps
  double data_seconds = 0;                // until training began: reading, graph, encoding
  double seconds = 0;                     // of training
  int64_t parameters = 0;
  std::vector<SplitScore> scores;  // validation, and test where it is labelled; none after an interrupt
};

struct FitRequest {
  std::filesystem::path model_folder;
  bool resume = false;  // go on with a run that did not finish; from the beginning where it left nothing
  // Called when model and figures are there, before what a resumed run needs is removed.
  std::function<void(const FitOutcome&)> finished = {};
};

// Trains, saves the best epoch's model in the folder, evaluates it; keeps the training's state beside it
// until all of that is done. hooks: clock, progress and epoch_done are the caller's. Error{kNumeric}:
// training met a value that is not finite; the best model so far is saved, and named in the message, where
// there is one.
FitOutcome run_fit(const JobSpec& spec, const FitRequest& request, FitHooks hooks, const RunContext& context);

// splits: of train, validation, test; empty: those of validation and test that are named and labelled.
std::vector<SplitScore> run_evaluate(const JobSpec& spec, const std::filesystem::path& model_folder,
                                     std::vector<std::string> splits, const RunContext& context);

struct PredictRequest {
  std::filesystem::path model_folder;
  OutputTarget output;
  // Where the embeddings of the task's entities go (embeddings_outputs); empty: none are written.
  std::vector<OutputTarget> embeddings = {};
  std::optional<std::string> entities;  // "all" or a file of keys; absent: the task's test table
  std::filesystem::path entities_base;  // what a relative file of keys is relative to
  std::optional<int64_t> at_us;
  bool flatten = false;
  bool replace = false;  // outputs that are there are replaced
  // How the outputs are written; empty: as write_tables does by itself.
  std::function<WriteOptions(const std::vector<TableOutput>& outputs)> write_options = {};
};

// Writes the predictions, and embeddings where asked for, into new output tables, all or none; returns them
// in this order.
std::vector<Table> run_predict(const JobSpec& spec, const PredictRequest& request, const RunContext& context);

// "[-- name --]" rows as aligned text, at most `rows` of them.
std::string first_rows_text(const Table& table, int64_t rows);

// How to look at an output: a line for a shell and one for Python.
std::string query_hint(const OutputTarget& target);

}  // namespace rle
