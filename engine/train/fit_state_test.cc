#include "train/fit_state.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <limits>

#include "train/fit.h"
#include "train/test_data.h"

namespace rle {
namespace {
namespace fs = std::filesystem;
using namespace test_data;

class StateOfFit : public testing::Test {
 protected:
  void SetUp() override {
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    path_ = fs::path(testing::TempDir()) / ("rle_state_" + test + "_" + std::to_string(getpid()));
  }
  void TearDown() override { fs::remove(path_); }

  std::string bytes() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path path_;
};

FitState example() {
  FitState state;
  state.cursor = {2, 5, 0.1 + 0.2, 1e-300};
  state.parameters = {1.5f, -0.0f, std::numeric_limits<float>::denorm_min()};
  state.adam = {{1, 2, 3}, {4, 5, 6}, 17};
  state.best = {1, std::bit_cast<double>(0x7ff8000000000123ull), 3};
  state.best_parameters = std::make_shared<const std::vector<float>>(std::vector<float>{7, 8, NAN});
  state.best_metrics = {{"roc_auc", NAN}, {"r2", -INFINITY}};
  state.epochs = {{1, 0.01, 0.3, {{"mae", 1.0 / 3}}, true, 2.5, 1e6}, {2, 0.02, 0.2, {}, false, 0, 0}};
  return state;
}

TEST_F(StateOfFit, KeepsEveryBit) {
  const FitState before = example();
  write_fit_state(path_, before);
  const std::string first = bytes();
  const FitState after = read_fit_state(path_);
  write_fit_state(path_, after);
  EXPECT_EQ(bytes(), first);
  EXPECT_EQ(after.cursor.epoch, 2);
  EXPECT_EQ(after.cursor.step, 5);
  EXPECT_EQ(after.cursor.loss_sum, 0.1 + 0.2);
  EXPECT_EQ(after.steps(), 17);
  EXPECT_TRUE(std::signbit(after.parameters[1]));
  EXPECT_EQ(after.parameters[2], std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(after.adam.second, before.adam.second);
  EXPECT_EQ(after.best.epoch, 1);
  EXPECT_EQ(std::bit_cast<uint64_t>(after.best.value), 0x7ff8000000000123ull);
  EXPECT_EQ(after.best.since_improvement, 3);
  EXPECT_EQ((*after.best_parameters)[1], 8);
  EXPECT_EQ(after.best_metrics[1].value, -INFINITY);
  ASSERT_EQ(after.epochs.size(), 2u);
  EXPECT_EQ(after.epochs[0].validation[0].value, 1.0 / 3);
  EXPECT_TRUE(after.epochs[0].best);
  EXPECT_EQ(after.epochs[0].seeds_per_second, 1e6);
}

TEST_F(StateOfFit, WithoutAnEpochBehindIt) {
  FitState state;
  state.cursor.step = 1;
  state.parameters = {1};
  state.adam = {{2}, {3}, 1};
  write_fit_state(path_, state);
  const FitState after = read_fit_state(path_);
  EXPECT_FALSE(after.best.epoch.has_value());
  EXPECT_EQ(after.best_parameters, nullptr);
  EXPECT_TRUE(after.epochs.empty());
}

TEST_F(StateOfFit, TruncatedOrDamagedIsRefused) {
  write_fit_state(path_, example());
  const std::string whole = bytes();
  for (size_t size = 0; size < whole.size(); size += 7) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc).write(whole.data(), static_cast<long>(size));
    EXPECT_NE(error_of([&] { read_fit_state(path_); }, ErrorCode::kIo), "") << size;
  }
  const auto refused = [&](const std::function<void(FitState&)>& change) {
    FitState state = example();
    change(state);
    write_fit_state(path_, state);
    return error_of([&] { read_fit_state(path_); }, ErrorCode::kIo);
  };
  EXPECT_TRUE(contains(refused([](FitState& s) { s.adam.first.pop_back(); }), "do not fit together"));
  EXPECT_TRUE(contains(refused([](FitState& s) { s.best_parameters = nullptr; }), "do not fit together"));
  EXPECT_TRUE(contains(refused([](FitState& s) { s.epochs.pop_back(); }), "do not fit together"));
  EXPECT_TRUE(contains(refused([](FitState& s) { s.cursor.step = -1; }), "do not fit together"));
  std::string other = whole;
  other.replace(other.find("training state 1"), 16, "training state 9");
  std::ofstream(path_, std::ios::binary | std::ios::trunc) << other;
  EXPECT_TRUE(contains(error_of([&] { read_fit_state(path_); }, ErrorCode::kIo), "not of this format"));
}

// Stops a training after every one of its steps, writes its state, goes on from the file with other threads.
class Resumed : public StateOfFit {
 protected:
  Resumed() : shop_(make_shop()), pool_(2), dataset_(shop_dataset(shop_, shop_task(), pool_, report_)) {}

  // The state that a training keeps when it is stopped after so many steps of all epochs.
  std::optional<FitState> stopped(const TrainConfig& config, int64_t steps, std::optional<FitState> from) {
    std::optional<FitState> kept;
    CancelToken cancel;
    int64_t done = from ? from->steps() : 0;
    FitHooks hooks;
    hooks.cancel = &cancel;
    hooks.keep_state = [&](FitState state) { kept = std::move(state); };
    hooks.progress = [&](const FitProgress&) {
      if (++done == steps) cancel.request();
    };
    if (from) hooks.resume = [&] { return *from; };
    EXPECT_TRUE(fit(dataset_, config, pool_, report_, hooks).interrupted);
    return kept;
  }

  FitResult resumed(const TrainConfig& config, const FitState& state, int threads) {
    write_fit_state(path_, state);
    ThreadPool pool(threads);
    FitHooks hooks;
    hooks.resume = [&] { return read_fit_state(path_); };
    return fit(dataset_, config, pool, report_, hooks);
  }

  void expect_same(const FitResult& a, const FitResult& b) {
    EXPECT_EQ(a.model->parameters().values(), b.model->parameters().values());
    EXPECT_EQ(a.best_epoch, b.best_epoch);
    EXPECT_EQ(a.stopped_early, b.stopped_early);
    ASSERT_EQ(a.epochs.size(), b.epochs.size());
    for (size_t e = 0; e < a.epochs.size(); ++e) {
      EXPECT_EQ(a.epochs[e].mean_loss, b.epochs[e].mean_loss) << e;
      EXPECT_EQ(a.epochs[e].lr, b.epochs[e].lr);
      EXPECT_EQ(a.epochs[e].best, b.epochs[e].best);
      EXPECT_EQ(a.epochs[e].validation.size(), b.epochs[e].validation.size());
    }
    ASSERT_EQ(a.best_metrics.size(), b.best_metrics.size());
    for (size_t i = 0; i < a.best_metrics.size(); ++i)
      EXPECT_EQ(a.best_metrics[i].value, b.best_metrics[i].value);
  }

  Shop shop_;
  ThreadPool pool_;
  ReportLines report_;
  Dataset dataset_;
};

TEST_F(Resumed, AfterEveryStepTheResultIsThatOfTheUndisturbedTraining) {
  TrainConfig config = shop_config();
  config.n_epochs = 3;
  config.eval_every = 2;
  config.model.gnn_norm = Norm::kBatch;  // running statistics go on too
  const FitResult undisturbed = fit(dataset_, config, pool_, report_);
  const int64_t steps = 3 * 6;
  for (int64_t step = 1; step <= steps; ++step) {
    const std::optional<FitState> state = stopped(config, step, std::nullopt);
    ASSERT_TRUE(state.has_value());
    EXPECT_EQ(state->steps(), step);
    expect_same(resumed(config, *state, step % 2 == 0 ? 1 : 3), undisturbed);
  }
}

TEST_F(Resumed, AgainAndAgain) {
  TrainConfig config = shop_config();
  config.n_epochs = 4;
  std::optional<FitState> state;
  for (int64_t step : {2, 6, 7, 13, 20, 23}) state = stopped(config, step, state);
  expect_same(resumed(config, *state, 2), fit(dataset_, config, pool_, report_));
}

TEST_F(Resumed, EarlyStoppingGoesOnCounting) {
  TrainConfig config = shop_config();
  config.lr = 0;  // every evaluation is equal
  config.weight_decay = 0;
  config.patience = 3;
  config.n_epochs = 10;
  const FitResult undisturbed = fit(dataset_, config, pool_, report_);
  EXPECT_EQ(undisturbed.epochs.size(), 4u);
  FitHooks hooks;
  std::vector<FitState> states;
  hooks.state_due = [](int64_t) { return true; };
  hooks.keep_state = [&](FitState state) { states.push_back(std::move(state)); };
  fit(dataset_, config, pool_, report_, hooks);
  ASSERT_EQ(states.size(), 4u * (6 + 1));  // after every step and every epoch
  EXPECT_EQ(states.back().cursor.epoch, 4);
  for (size_t i : {size_t{20}, states.size() - 2, states.size() - 1})
    expect_same(resumed(config, states[i], 1), undisturbed);
}

TEST_F(Resumed, NothingIsKeptBeforeTheFirstStep) {
  CancelToken cancel;
  cancel.request();
  FitHooks hooks;
  hooks.cancel = &cancel;
  hooks.keep_state = [](FitState) { ADD_FAILURE(); };
  EXPECT_TRUE(fit(dataset_, shop_config(), pool_, report_, hooks).interrupted);
}

TEST_F(Resumed, AStateOfAnotherModelIsRefused) {
  TrainConfig config = shop_config();
  const std::optional<FitState> state = stopped(config, 3, std::nullopt);
  config.model.channels *= 2;
  EXPECT_TRUE(
      contains(error_of([&] { resumed(config, *state, 1); }, ErrorCode::kIo), "does not fit the training"));
}

}  // namespace
}  // namespace rle
