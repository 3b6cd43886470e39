#include "train/fit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "nn/adam.h"
#include "train/evaluate.h"
#include "train/prediction_table.h"
#include "train/test_data.h"

namespace rle {
namespace {
namespace fs = std::filesystem;
using namespace test_data;

class Fit : public testing::Test {
 protected:
  Fit() : shop_(make_shop()), pool_(2), dataset_(shop_dataset(shop_, shop_task(), pool_, report_)) {}

  FitResult run(const TrainConfig& config, const FitHooks& hooks = {}) {
    return fit(dataset_, config, pool_, report_, hooks);
  }

  Shop shop_;
  ThreadPool pool_;
  ReportLines report_;
  Dataset dataset_;
};

double metric(const std::vector<MetricValue>& metrics, const std::string& name) {
  for (const MetricValue& m : metrics)
    if (m.name == name) return m.value;
  return NAN;
}

ScoreOptions score_options(const TrainConfig& config, const OutputBounds& bounds, int64_t batch_size) {
  ScoreOptions options;
  options.sampler = config.sampler;
  options.bounds = bounds;
  options.seed = config.seed;
  options.batch_size = batch_size;
  return options;
}

TEST_F(Fit, LearnsWhatTheNeighboursShow) {
  TrainConfig config = shop_config();
  config.n_epochs = 25;
  config.patience = std::nullopt;
  const FitResult result = run(config);
  ASSERT_EQ(result.epochs.size(), 25u);
  EXPECT_LT(result.epochs.back().mean_loss, 0.5 * result.epochs.front().mean_loss);
  EXPECT_GT(metric(result.best_metrics, "roc_auc"), 0.95);
  const Evaluation test =
      evaluate(*result.model, dataset_, *dataset_.test, score_options(config, result.bounds, 17), pool_);
  EXPECT_GT(metric(test.metrics, "roc_auc"), 0.95);
  EXPECT_EQ(test.rows, 60);
  EXPECT_EQ(test.left_out, 0);
}

TEST_F(Fit, LearnsRegressionMulticlassAndMultilabel) {
  TrainConfig config = shop_config();
  config.n_epochs = 60;
  config.patience = std::nullopt;
  config.lr = 0.03;
  const Dataset regression = shop_dataset(shop_, shop_task(TaskType::kRegression), pool_, report_);
  FitResult result = fit(regression, config, pool_, report_);
  EXPECT_LT(metric(result.best_metrics, "mae"), 3.5);  // the median makes 5
  config.n_epochs = 25;
  config.lr = 0.01;
  config.label_smoothing = true;
  const Dataset classes = shop_dataset(shop_, shop_task(TaskType::kMulticlass), pool_, report_);
  EXPECT_GT(metric(fit(classes, config, pool_, report_).best_metrics, "accuracy"), 0.9);

  const auto as_lists = [](Table& split) {
    Column lists = split.at("rich");
    lists.type = PhysicalType::kIntList;
    lists.arrow_format = "+l";
    lists.offsets = {0};
    std::vector<int64_t> elements;
    for (int64_t rich : split.at("rich").ints) {
      elements.push_back(rich != 0 ? 8 : 5);
      if (rich != 0) elements.push_back(5);
      lists.offsets.edit().push_back(static_cast<int64_t>(elements.size()));
    }
    lists.ints = elements;
    split.columns[2] = lists;  // instead of "rich"
  };
  Shop lists = shop_;
  for (Table* split : {&lists.train, &lists.validation, &lists.test}) as_lists(*split);
  const Dataset multilabel = shop_dataset(lists, shop_task(TaskType::kMultilabel), pool_, report_);
  result = fit(multilabel, config, pool_, report_);
  EXPECT_LT(result.epochs.back().mean_loss, result.epochs.front().mean_loss);
  const Evaluation test =
      evaluate(*result.model, multilabel, *multilabel.test, score_options(config, result.bounds, 64), pool_);
  double right = 0;
  for (size_t row = 0; row < 60; ++row) {
    const bool rich = multilabel.test->label_offsets[row + 1] - multilabel.test->label_offsets[row] == 2;
    right += (test.score[2 * row + 1] >= 0.5) == rich;
  }
  EXPECT_GT(right / 60, 0.9);
}

TEST_F(Fit, SameBytesWithAnyNumberOfThreads) {
  TrainConfig config = shop_config();
  config.n_epochs = 2;
  std::vector<std::string> files;
  std::vector<std::vector<double>> scores;
  for (int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    const Dataset dataset = shop_dataset(shop_, shop_task(), pool, report_);
    const FitResult result = fit(dataset, config, pool, report_);
    const fs::path folder = fs::path(testing::TempDir()) / ("rle_fit_" + std::to_string(getpid()));
    save_model(folder, make_trained_model(dataset, config, result));
    std::ifstream in(folder / kCheckpointFile, std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    fs::remove_all(folder);
    scores.push_back(
        score_rows(*result.model, dataset, *dataset.test, score_options(config, result.bounds, 17), pool));
  }
  EXPECT_GT(files[0].size(), 10000u);
  EXPECT_TRUE(files[0] == files[1]);
  EXPECT_TRUE(files[0] == files[2]);
  EXPECT_EQ(scores[0], scores[1]);
  EXPECT_EQ(scores[0], scores[2]);
}

TEST_F(Fit, ShuffledSourcesGiveTheSameParameters) {
  TrainConfig config = shop_config();
  config.n_epochs = 1;
  const auto reversed = [](Table table) {
    std::vector<int64_t> order;
    for (int64_t row = table.rows; row-- > 0;) order.push_back(row);
    for (Column& column : table.columns) column = column.permuted(order);
    return table;
  };
  Shop shuffled = shop_;
  for (Table& table : shuffled.tables) sort_canonically(table = reversed(table));
  shuffled.train = reversed(shuffled.train);
  const Dataset dataset = shop_dataset(shuffled, shop_task(), pool_, report_);
  EXPECT_EQ(fit(dataset, config, pool_, report_).model->parameters().values(),
            run(config).model->parameters().values());
}

TEST_F(Fit, BatchSizeDoesNotChangePredictions) {
  TrainConfig config = shop_config();
  config.n_epochs = 1;
  const FitResult result = run(config);
  const auto one =
      score_rows(*result.model, dataset_, *dataset_.test, score_options(config, result.bounds, 1), pool_);
  const auto all =
      score_rows(*result.model, dataset_, *dataset_.test, score_options(config, result.bounds, 60), pool_);
  ASSERT_EQ(one.size(), 60u);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], all[i], 1e-5);
}

TEST_F(Fit, EvaluatingAgainGivesTheBestEpochsMetrics) {
  TrainConfig config = shop_config();
  config.lr = 0.05;
  const FitResult result = run(config);
  ASSERT_TRUE(result.best_epoch.has_value());
  const EpochRecord& best = result.epochs[static_cast<size_t>(*result.best_epoch) - 1];
  EXPECT_TRUE(best.best);
  double highest = 0;
  for (const EpochRecord& record : result.epochs)
    highest = std::max(highest, metric(record.validation, "roc_auc"));
  EXPECT_EQ(metric(best.validation, "roc_auc"), highest);
  const Evaluation again = evaluate(*result.model, dataset_, *dataset_.validation,
                                    score_options(config, result.bounds, config.val_batch_size), pool_);
  EXPECT_EQ(metric(again.metrics, "roc_auc"), metric(result.best_metrics, "roc_auc"));
  EXPECT_EQ(metric(again.metrics, "average_precision"), metric(best.validation, "average_precision"));
}

TEST_F(Fit, RestoredModelPredictsTheSame) {
  TrainConfig config = shop_config();
  config.n_epochs = 25;
  config.model.gnn_norm = Norm::kBatch;  // running statistics are saved too
  const FitResult result = run(config);
  const fs::path folder = fs::path(testing::TempDir()) / ("rle_restore_" + std::to_string(getpid()));
  save_model(folder, make_trained_model(dataset_, config, result));
  TrainedModel trained = load_model(folder);
  fs::remove_all(folder);
  DatasetInput input;
  input.tables = shop_.tables;
  input.test = &shop_.test;
  const Dataset dataset = build_inference_dataset(std::move(input), trained, pool_, report_);
  const ScoreOptions options = score_options(trained.config, trained.bounds, 32);
  const auto scores = score_rows(*restore_model(trained), dataset, *dataset.test, options, pool_);
  EXPECT_EQ(scores, score_rows(*result.model, dataset_, *dataset_.test, options, pool_));
  const Table table =
      prediction_table(trained.task, trained.encoding, shop_.test, *dataset.test, scores, false);
  EXPECT_EQ(table.column_names(),
            (std::vector<std::string>{"who", "when", "rich", "predicted_label", "predicted_prob"}));
  int64_t right = 0;
  for (size_t row = 0; row < 60; ++row)
    right += table.at("rich").ints[row] == table.at("predicted_label").ints[row];
  EXPECT_GT(right, 45);

  trained.parameters[0].shape.push_back(1);
  EXPECT_TRUE(contains(error_of([&] { restore_model(trained); }, ErrorCode::kIo), "of another shape"));
  trained.parameters.pop_back();
  EXPECT_TRUE(contains(error_of([&] { restore_model(trained); }, ErrorCode::kIo), "parameters"));
}

TEST_F(Fit, StopsByPatienceAndKeepsTheLaterOfEqualEpochs) {
  TrainConfig config = shop_config();
  config.n_epochs = 10;
  config.lr = 0;  // nothing changes: every evaluation is equal
  config.weight_decay = 0;
  config.patience = 2;
  const FitResult result = run(config);
  EXPECT_EQ(result.epochs.size(), 3u);
  EXPECT_EQ(result.best_epoch, 3);
  EXPECT_TRUE(result.stopped_early);
  config.patience = std::nullopt;
  config.n_epochs = 4;
  const FitResult patient = run(config);
  EXPECT_EQ(patient.epochs.size(), 4u);
  EXPECT_FALSE(patient.stopped_early);
}

TEST_F(Fit, HonoursMaxItersEvalEveryAndSchedule) {
  TrainConfig config = shop_config();
  config.n_epochs = 5;
  config.max_iters = 2;
  config.eval_every = 2;
  config.t_max = 3;
  std::vector<FitProgress> progress;
  double clock = 0;
  FitHooks hooks;
  hooks.clock = [&] { return clock += 1.0; };
  hooks.progress = [&](const FitProgress& p) { progress.push_back(p); };
  const FitResult result = run(config, hooks);
  ASSERT_EQ(progress.size(), 10u);
  EXPECT_EQ(progress[3].epoch, 2);
  EXPECT_EQ(progress[3].step, 2);
  EXPECT_EQ(progress[3].steps, 2);
  EXPECT_GT(progress[3].seeds_per_second, 0);
  EXPECT_GT(progress[3].seconds_left, 0);
  EXPECT_EQ(progress.back().seconds_left, 0);
  for (size_t e = 0; e < 5; ++e) {
    EXPECT_EQ(result.epochs[e].validation.empty(), e == 0 || e == 2) << e;
    EXPECT_DOUBLE_EQ(result.epochs[e].lr, cosine_lr(config.lr, config.eta_min, 3, static_cast<int64_t>(e)));
    EXPECT_GT(result.epochs[e].seconds, 0);
  }
  config.max_iters = std::nullopt;
  config.lr_schedule = LrSchedule::kConstant;
  progress.clear();
  const FitResult constant = run(config, hooks);
  EXPECT_EQ(progress.back().steps, 6);  // 180 rows in batches of 32, the last partial one kept
  EXPECT_EQ(constant.epochs.back().lr, config.lr);
}

TEST_F(Fit, CancelStopsWithTheBestModelSoFar) {
  TrainConfig config = shop_config();
  config.n_epochs = 50;
  CancelToken cancel;
  FitHooks hooks;
  hooks.cancel = &cancel;
  std::vector<FitProgress> progress;
  hooks.progress = [&](const FitProgress& p) {
    progress.push_back(p);
    if (p.epoch == 3 && p.step == 2) cancel.request();
  };
  const FitResult result = run(config, hooks);
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.epochs.size(), 2u);
  EXPECT_EQ(progress.back().epoch, 3);
  EXPECT_EQ(progress.back().step, 2);
  ASSERT_TRUE(result.best_epoch.has_value());
  const Evaluation again = evaluate(*result.model, dataset_, *dataset_.validation,
                                    score_options(config, result.bounds, config.val_batch_size), pool_);
  EXPECT_EQ(metric(again.metrics, "roc_auc"), metric(result.best_metrics, "roc_auc"));

  CancelToken at_once;
  hooks.cancel = &at_once;
  hooks.progress = [&](const FitProgress&) { at_once.request(); };
  const FitResult early = run(config, hooks);
  EXPECT_TRUE(early.interrupted);
  EXPECT_FALSE(early.best_epoch.has_value());
  EXPECT_TRUE(early.epochs.empty());
}

TEST_F(Fit, ALossThatIsNotFiniteStopsWithItsPlace) {
  TrainConfig config = shop_config();
  config.lr = 1e30;
  const std::string message = error_of([&] { run(config); }, ErrorCode::kNumeric);
  EXPECT_TRUE(contains(message, "not finite in epoch 1, step ")) << message;
  EXPECT_TRUE(contains(message, "first module whose output was not finite is ")) << message;
  EXPECT_FALSE(contains(message, "is the loss;")) << message;
}

TEST_F(Fit, AnOutputForValidationThatIsNotFiniteStopsWithItsPlace) {
  TrainConfig config = shop_config();
  config.lr = 1e30;
  config.max_iters = 1;
  const std::string message = error_of([&] { run(config); }, ErrorCode::kNumeric);
  EXPECT_TRUE(contains(message, "after epoch 1 (step 1 of 1; lr is 1e+30)")) << message;
  EXPECT_TRUE(contains(message, "a row of the validation split (rows 1 to 25 ")) << message;
  EXPECT_TRUE(contains(message, "first module whose output was not finite is ")) << message;
  EXPECT_FALSE(contains(message, "finite is ;")) << message;
  EXPECT_TRUE(contains(message, "lower learning rate")) << message;
}

TEST_F(Fit, AFailureInALaterEpochKeepsTheBestModel) {
  TrainConfig config = shop_config();
  config.n_epochs = 2;
  const FitResult two = run(config);
  config.n_epochs = 6;
  config.t_max = 2;  // the first two epochs are those
  FitHooks hooks;
  hooks.epoch_done = [&](const EpochRecord& record) {
    if (record.epoch == 2) std::fill(dataset_.train->value.begin(), dataset_.train->value.end(), NAN);
  };
  const FitResult result = run(config, hooks);
  EXPECT_TRUE(contains(result.failure, "the loss is not finite in epoch 3, step 1 of 6")) << result.failure;
  EXPECT_TRUE(two.failure.empty());
  EXPECT_FALSE(result.interrupted);
  EXPECT_EQ(result.epochs.size(), 2u);
  EXPECT_EQ(result.best_epoch, two.best_epoch);
  EXPECT_EQ(result.model->parameters().values(), two.model->parameters().values());
}

TEST_F(Fit, RefusesWhatItCanNotDo) {
  Dataset without = shop_dataset(shop_, shop_task(), pool_, report_);
  without.validation.reset();
  EXPECT_TRUE(contains(error_of([&] { fit(without, shop_config(), pool_, report_); }, ErrorCode::kSpec),
                       "no validation table"));
  TaskSpec task = shop_task();
  task.metric = "roc_auk";
  const Dataset odd = shop_dataset(shop_, task, pool_, report_);
  EXPECT_TRUE(contains(error_of([&] { fit(odd, shop_config(), pool_, report_); }, ErrorCode::kSpec),
                       "did you mean 'roc_auc'?"));
}

}  // namespace
}  // namespace rle
