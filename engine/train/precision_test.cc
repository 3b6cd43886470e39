// A training step of a few hundred seeds with bf16 operands beside the same in fp32.
#include <gtest/gtest.h>

#include <numeric>

#include "kernel/isa.h"
#include "nn/step_testing.h"
#include "train/batch_loader.h"
#include "train/test_data.h"

namespace rle {
namespace {

struct Computed {
  std::vector<float> gradients, outputs;
};

// The shop's regression: what a customer spends is far from what an untrained model says, so that the losses
// of all seeds pull to the same side. Where they cancel, what is left of a gradient is mostly rounding.
class TrainingPrecision : public ::testing::Test {
 protected:
  static constexpr int64_t kSeeds = 300;

  TrainingPrecision()
      : shop_(test_data::make_shop(400)),
        dataset_(
            test_data::shop_dataset(shop_, test_data::shop_task(TaskType::kRegression), pool_, report_)) {
    std::vector<int64_t> rows(kSeeds);
    std::iota(rows.begin(), rows.end(), 0);
    BatchLoader(dataset_, *dataset_.train, config_.sampler).load(rows, RngKey(1), pool_, batch_);
    config_.model.encoder_blocks = 4;
  }

  Computed compute(Precision precision) {
    config_.model.precision = precision;
    RelationalModel model(make_definition(dataset_, config_), 3);
    Computed out;
    model.train_step(batch_.input(), LossKind::kL1, batch_.targets(0), RngKey(5), pool_);
    out.gradients = model.parameters().gradients();
    ModelOutputs outputs;
    model.predict(batch_.input(), pool_, outputs);
    out.outputs = outputs.seeds;
    return out;
  }

  ThreadPool pool_{1};
  ReportLines report_;
  TrainConfig config_;
  test_data::Shop shop_;
  Dataset dataset_;
  LoadedBatch batch_;
};

TEST_F(TrainingPrecision, Bf16MovesGradientsByAFewPercentAndOutputsByLess) {
  for (Isa isa : kAllIsas) {
    if (isa > supported_isa()) continue;
    SCOPED_TRACE(std::string(to_string(isa)));
    const ScopedIsa scoped(isa);
    const Computed fp32 = compute(Precision::kFp32), bf16 = compute(Precision::kBf16);
    EXPECT_LT(relative_distance(bf16.gradients, fp32.gradients), 0.03);
    EXPECT_LT(relative_distance(bf16.outputs, fp32.outputs), 0.01);
  }
}

}  // namespace
}  // namespace rle
