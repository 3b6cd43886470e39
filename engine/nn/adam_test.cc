#include "nn/adam.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

namespace rle {
namespace {

// torch.optim.Adam in double, one scalar.
struct Scalar {
  double value, first = 0, second = 0;
  int t = 0;
  void step(double gradient, double lr, double decay) {
    ++t;
    gradient += decay * value;
    first = 0.9 * first + 0.1 * gradient;
    second = 0.999 * second + 0.001 * gradient * gradient;
    const double denominator = std::sqrt(second) / std::sqrt(1 - std::pow(0.999, t)) + 1e-8;
    value -= lr / (1 - std::pow(0.9, t)) * first / denominator;
  }
};

TEST(Adam, FirstStepMovesByTheLearningRate) {
  ParameterStore store;
  const ParameterId id = store.add("w", {2}, {Init::Kind::kOne});
  store.freeze(0);
  Adam adam(store, {});
  ThreadPool pool(1);
  store.gradient(id)[0] = 3;
  store.gradient(id)[1] = -0.001f;
  adam.step(0.01, pool);
  EXPECT_NEAR(store.value(id)[0], 0.99, 1e-6);
  EXPECT_NEAR(store.value(id)[1], 1.01, 1e-6);
  EXPECT_EQ(adam.steps(), 1);
}

TEST(Adam, FollowsTheFormulaWithCoupledDecay) {
  for (double decay : {0.0, 0.1}) {
    ParameterStore store;
    const ParameterId id = store.add("w", {3}, {Init::Kind::kNormal, 1.0});
    store.freeze(5);
    std::vector<Scalar> expected;
    for (int i = 0; i < 3; ++i) expected.push_back({store.value(id)[i]});
    AdamConfig config;
    config.weight_decay = decay;
    Adam adam(store, config);
    ThreadPool pool(1);
    RngStream stream(RngKey(9));
    for (int step = 0; step < 50; ++step) {
      const double lr = 0.05 / (1 + step);
      for (int i = 0; i < 3; ++i) {
        store.gradient(id)[i] = static_cast<float>(stream.normal());
        expected[static_cast<size_t>(i)].step(store.gradient(id)[i], lr, decay);
      }
      adam.step(lr, pool);
    }
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(store.value(id)[i], expected[static_cast<size_t>(i)].value, 2e-6);
  }
}

// Three steps of torch.optim.Adam(lr=0.1, weight_decay=0.5) from 1.0 with gradients 1, -2, 0.5, worked
// out in double: with decay they are 1.5, -1.55, 0.95345.
TEST(Adam, LiteralValues) {
  ParameterStore store;
  const ParameterId id = store.add("w", {1}, {Init::Kind::kOne});
  store.freeze(0);
  AdamConfig config;
  config.weight_decay = 0.5;
  Adam adam(store, config);
  ThreadPool pool(1);
  const float gradients[] = {1.0f, -2.0f, 0.5f};
  const double expected[] = {0.90000000067, 0.90690151887, 0.88593734450};
  for (int i = 0; i < 3; ++i) {
    store.gradient(id)[0] = gradients[i];
    adam.step(0.1, pool);
    EXPECT_NEAR(store.value(id)[0], expected[i], 1e-5) << "step " << i;
  }
}

TEST(Adam, LeavesBuffersAlone) {
  ParameterStore store;
  const ParameterId before = store.add("a", {2}, {Init::Kind::kOne});
  const ParameterId buffer = store.add_buffer("running_mean", {2}, {Init::Kind::kOne});
  const ParameterId after = store.add("z", {2}, {Init::Kind::kOne});
  store.freeze(0);
  AdamConfig config;
  config.weight_decay = 0.1;
  Adam adam(store, config);
  ThreadPool pool(1);
  adam.step(0.1, pool);
  for (int i = 0; i < 2; ++i) {
    EXPECT_LT(store.value(before)[i], 1.0f);
    EXPECT_EQ(store.value(buffer)[i], 1.0f);
    EXPECT_LT(store.value(after)[i], 1.0f);
  }
}

TEST(Adam, SameBitsWithAnyNumberOfThreads) {
  std::vector<std::vector<float>> results;
  for (int threads : {1, 2, 5}) {
    ParameterStore store;
    store.add("a", {100003}, {Init::Kind::kNormal, 1.0});
    store.add_buffer("b", {3}, {});
    store.add("c", {40001}, {Init::Kind::kNormal, 1.0});
    store.freeze(1);
    AdamConfig config;
    config.weight_decay = 1e-2;
    Adam adam(store, config);
    ThreadPool pool(threads);
    RngStream stream(RngKey(2));
    for (int step = 0; step < 3; ++step) {
      for (float& g : store.gradients()) g = static_cast<float>(stream.uniform() - 0.5);
      adam.step(0.01, pool);
    }
    results.push_back(store.values());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(CosineLr, ClosedForm) {
  EXPECT_DOUBLE_EQ(cosine_lr(0.01, 1e-4, 10, 0), 0.01);
  EXPECT_NEAR(cosine_lr(0.01, 1e-4, 10, 5), (0.01 + 1e-4) / 2, 1e-15);
  EXPECT_DOUBLE_EQ(cosine_lr(0.01, 1e-4, 10, 10), 1e-4);
  EXPECT_DOUBLE_EQ(cosine_lr(0.01, 1e-4, 10, 17), 1e-4);  // no rise after t_max
  for (int epoch = 0; epoch < 10; ++epoch)
    EXPECT_GT(cosine_lr(0.01, 1e-4, 10, epoch), cosine_lr(0.01, 1e-4, 10, epoch + 1));
}

// An embedding trained row by row (add_rows) and the same as an ordinary parameter: every row moves in every
// step, whether it is read or not.
class RowsAndAll {
 public:
  static constexpr int64_t kRows = 300, kCols = 20;

  explicit RowsAndAll(double decay, int threads = 1)
      : row_id_(by_row_.add_rows("e", {kRows, kCols}, {Init::Kind::kNormal, 1.0})),
        all_id_(all_.add("e", {kRows, kCols}, {Init::Kind::kNormal, 1.0})),
        pool_(threads) {
    by_row_.freeze(3);
    all_.freeze(3);
    lazy_ = std::make_unique<Adam>(by_row_, AdamConfig{.weight_decay = decay});
    eager_ = std::make_unique<Adam>(all_, AdamConfig{.weight_decay = decay});
  }

  void steps(int64_t count) {
    for (int64_t s = 0; s < count; ++s) {
      by_row_.zero_gradients();
      all_.zero_gradients();
      const std::vector<int32_t> rows = some_rows();
      by_row_.touch(row_id_, rows, pool_);
      for (int32_t row : rows)
        for (int64_t j = row * kCols; j < (row + 1) * kCols; ++j) {
          EXPECT_EQ(by_row_.value(row_id_)[j], all_.value(all_id_)[j]) << "row " << row << " as it is read";
          by_row_.gradient(row_id_)[j] = all_.gradient(all_id_)[j] = static_cast<float>(stream_.normal());
        }
      const double lr = 0.1 / static_cast<double>(1 + lazy_->steps());
      lazy_->step(lr, pool_);
      eager_->step(lr, pool_);
      EXPECT_EQ(by_row_.gradients(), all_.gradients());
    }
  }
  void settle() { lazy_->settle(pool_); }
  void expect_same() {
    EXPECT_EQ(by_row_.values(), all_.values());
    EXPECT_EQ(lazy_->state().first, eager_->state().first);
    EXPECT_EQ(lazy_->state().second, eager_->state().second);
  }
  void restart(double decay) {
    const AdamState state = lazy_->state();
    lazy_.reset();
    lazy_ = std::make_unique<Adam>(by_row_, AdamConfig{.weight_decay = decay});
    lazy_->restore(state);
  }
  bool differ() const { return by_row_.values() != all_.values(); }

 private:
  // Rows from 200 on are never read.
  std::vector<int32_t> some_rows() {
    std::vector<int32_t> rows;
    for (int32_t row = 0; row < 200; ++row)
      if (stream_.uniform() < 0.1) rows.push_back(row);
    return rows;
  }

  ParameterStore by_row_, all_;
  ParameterId row_id_, all_id_;
  ThreadPool pool_;
  RngStream stream_{RngKey(8)};
  std::unique_ptr<Adam> lazy_, eager_;
};

TEST(AdamRows, AreBitForBitWhatEveryStepWouldHaveMadeOfThem) {
  for (double decay : {0.0, 0.01})
    for (int threads : {1, 3}) {
      RowsAndAll both(decay, threads);
      both.steps(23);
      EXPECT_TRUE(both.differ()) << "nothing was put off: the test shows nothing";
      both.settle();
      both.expect_same();
      both.settle();
      both.expect_same();
      both.steps(9);
      both.settle();
      both.expect_same();
    }
}

TEST(AdamRows, GoOnFromARestoredState) {
  for (double decay : {0.0, 0.01}) {
    RowsAndAll both(decay);
    both.steps(7);
    both.settle();
    both.restart(decay);
    both.steps(11);
    both.settle();
    both.expect_same();
  }
}

}  // namespace
}  // namespace rle
