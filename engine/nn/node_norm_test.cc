#include "nn/node_norm.h"

#include <gtest/gtest.h>

#include <numeric>

#include "nn/gradient_check.h"
#include "nn/step_testing.h"

namespace rle {
namespace {

constexpr int64_t kChannels = 20;  // more than the columns that one thread takes at a time

struct Case {
  const char* name;
  NormKind kind;
  bool training;
  int64_t rows;
};

// The rows of a type dealt to four seeds: every third to seed 0, one to seed 1, none to seed 2, the others to
// seed 3.
struct SeedRows {
  explicit SeedRows(int64_t rows) {
    std::vector<int32_t> lists[4];
    for (int32_t i = 0; i < rows; ++i) lists[i % 3 == 0 ? 0 : i == 1 ? 1 : 3].push_back(i);
    for (const auto& list : lists) {
      index.insert(index.end(), list.begin(), list.end());
      offsets.push_back(static_cast<int32_t>(index.size()));
    }
  }
  std::vector<int32_t> offsets{0}, index;
};

class Normed {
 public:
  explicit Normed(const Case& c, int threads = 1)
      : bench(threads),
        x(random_values(c.rows * kChannels, 6)),
        case_(c),
        seeds_(c.rows),
        norm_(bench.parameters, "n", c.kind, kChannels) {
    bench.randomise();
    for (float& value : x) value = 2.0f * value + 0.7f;
    if (c.kind != NormKind::kBatch) return;
    for (int64_t j = 0; j < kChannels; ++j) {
      buffer("n.running_mean")[j] = 0.1f * static_cast<float>(j);
      buffer("n.running_var")[j] = 1.0f + 0.1f * static_cast<float>(j);
    }
  }
  float* buffer(const std::string& name) {
    return bench.parameters.values().data() + bench.parameters.find(name)->offset;
  }
  std::vector<float> forward() {
    Step step = bench.fresh_step(case_.training);
    return values_of(run(step).output);
  }
  // Returns d x.
  std::vector<float> backward(std::vector<float> doutput, bool in_place = false) {
    Step step = bench.fresh_step(case_.training);
    const NodeNorm::Context context = run(step);
    std::vector<float> dx(doutput.size(), 5.0f);
    std::vector<float>& out = in_place ? doutput : dx;
    norm_.backward(step, context, view(doutput, case_.rows, kChannels), view(out, case_.rows, kChannels));
    return out;
  }

  StepBench bench;
  std::vector<float> x;

 private:
  NodeNorm::Context run(Step& step) {
    return norm_.forward(step, view(x, case_.rows, kChannels), {seeds_.offsets.data(), seeds_.index.data()},
                         4);
  }
  Case case_;
  SeedRows seeds_;
  NodeNorm norm_;
};

class NodeNormTest : public ::testing::TestWithParam<Case> {};

TEST_P(NodeNormTest, GradientsAgreeWithFiniteDifferences) {
  Normed normed(GetParam());
  const std::vector<float> weights = loss_weights(GetParam().rows * kChannels);
  const std::vector<float> dx = normed.backward(weights);
  GradientCheck check([&] {
    std::vector<float> out = normed.forward();
    return dot(weights, view(out, GetParam().rows, kChannels));
  });
  check.expect_parameters(normed.bench.parameters);
  check.expect("x", normed.x.data(), dx);
}

TEST_P(NodeNormTest, TheGradientMayOverwriteThatOfTheOutput) {
  Normed normed(GetParam());
  const std::vector<float> weights = loss_weights(GetParam().rows * kChannels);
  const std::vector<float> dx = normed.backward(weights), gradients = normed.bench.parameters.gradients();
  EXPECT_TRUE(same_bits(normed.backward(weights, true), dx));
  EXPECT_TRUE(same_bits(normed.bench.parameters.gradients(), gradients));
}

INSTANTIATE_TEST_SUITE_P(Cases, NodeNormTest,
                         ::testing::Values(Case{"layer", NormKind::kLayer, true, 13},
                                           Case{"layer_one_row", NormKind::kLayer, true, 1},
                                           Case{"layer_no_rows", NormKind::kLayer, true, 0},
                                           Case{"batch", NormKind::kBatch, true, 13},
                                           Case{"batch_two_rows", NormKind::kBatch, true, 2},
                                           Case{"batch_one_row", NormKind::kBatch, true, 1},
                                           Case{"batch_no_rows", NormKind::kBatch, true, 0},
                                           Case{"batch_evaluated", NormKind::kBatch, false, 13},
                                           Case{"batch_evaluated_no_rows", NormKind::kBatch, false, 0},
                                           Case{"instance", NormKind::kInstance, true, 13},
                                           Case{"instance_evaluated", NormKind::kInstance, false, 13},
                                           Case{"instance_one_row", NormKind::kInstance, true, 1},
                                           Case{"instance_no_rows", NormKind::kInstance, true, 0}),
                         [](const auto& info) { return info.param.name; });

// Mean and variance of the given values, as the formulas say.
struct Moments {
  double mean = 0, variance = 0;
  explicit Moments(const std::vector<double>& values) {
    for (double v : values) mean += v / static_cast<double>(values.size());
    for (double v : values) variance += (v - mean) * (v - mean) / static_cast<double>(values.size());
  }
  double normalise(double v) const { return (v - mean) / std::sqrt(variance + 1e-5); }
};

double relu(double x) { return std::max(0.0, x); }

class NodeNormFormula : public ::testing::Test {
 protected:
  static constexpr int64_t kRows = 13;
  double x(Normed& normed, int64_t i, int64_t j) {
    return double{normed.x[static_cast<size_t>(i * kChannels + j)]};
  }
  double affine(Normed& normed, int64_t j, double normalised) {
    return double{normed.buffer("n.weight")[j]} * normalised + double{normed.buffer("n.bias")[j]};
  }
  std::vector<double> column(Normed& normed, const std::vector<int64_t>& rows, int64_t j) {
    std::vector<double> out;
    for (int64_t i : rows) out.push_back(x(normed, i, j));
    return out;
  }
  static std::vector<int64_t> all_rows() {
    std::vector<int64_t> rows(kRows);
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
  }
};

TEST_F(NodeNormFormula, LayerNormalisesARow) {
  Normed normed({"", NormKind::kLayer, false, kRows});
  const std::vector<float> got = normed.forward();
  for (int64_t i = 0; i < kRows; ++i) {
    std::vector<double> row;
    for (int64_t j = 0; j < kChannels; ++j) row.push_back(x(normed, i, j));
    for (int64_t j = 0; j < kChannels; ++j)
      EXPECT_NEAR(got[static_cast<size_t>(i * kChannels + j)],
                  relu(affine(normed, j, Moments(row).normalise(x(normed, i, j)))), 1e-5);
  }
}

TEST_F(NodeNormFormula, BatchNormalisesAColumnAndUpdatesRunningStatistics) {
  Normed normed({"", NormKind::kBatch, true, kRows});
  const std::vector<float> got = normed.forward();
  for (int64_t j = 0; j < kChannels; ++j) {
    const Moments moments(column(normed, all_rows(), j));
    for (int64_t i = 0; i < kRows; ++i)
      EXPECT_NEAR(got[static_cast<size_t>(i * kChannels + j)],
                  relu(affine(normed, j, moments.normalise(x(normed, i, j)))), 1e-5);
    const double step = static_cast<double>(j);
    EXPECT_NEAR(normed.buffer("n.running_mean")[j], 0.9 * 0.1 * step + 0.1 * moments.mean, 1e-6);
    EXPECT_NEAR(normed.buffer("n.running_var")[j], 0.9 * (1 + 0.1 * step) + 0.1 * moments.variance * 13 / 12,
                1e-5)
        << "unbiased: 13 of 12";
  }
}

TEST_F(NodeNormFormula, BatchEvaluatesByRunningStatistics) {
  for (const Case& c : {Case{"", NormKind::kBatch, false, kRows}, Case{"", NormKind::kBatch, true, 1}}) {
    Normed normed(c);
    const std::vector<float> got = normed.forward();
    for (int64_t j = 0; j < kChannels; ++j) {
      const double step = static_cast<double>(j);
      for (int64_t i = 0; i < c.rows; ++i)
        EXPECT_NEAR(
            got[static_cast<size_t>(i * kChannels + j)],
            relu(affine(normed, j, (x(normed, i, j) - 0.1 * step) / std::sqrt(1 + 0.1 * step + 1e-5))), 1e-5);
      EXPECT_EQ(normed.buffer("n.running_mean")[j], 0.1f * static_cast<float>(j)) << "unchanged";
      EXPECT_EQ(normed.buffer("n.running_var")[j], 1.0f + 0.1f * static_cast<float>(j)) << "unchanged";
    }
  }
}

TEST_F(NodeNormFormula, InstanceNormalisesAColumnWithinASeed) {
  Normed normed({"", NormKind::kInstance, true, kRows});
  EXPECT_TRUE(normed.bench.parameters.entries().empty());
  const std::vector<float> got = normed.forward();
  for (int64_t j = 0; j < kChannels; ++j) {
    const std::vector<int64_t> seed0{0, 3, 6, 9, 12}, seed3{2, 4, 5, 7, 8, 10, 11};
    for (const std::vector<int64_t>& rows : {seed0, seed3})
      for (int64_t i : rows)
        EXPECT_NEAR(got[static_cast<size_t>(i * kChannels + j)],
                    relu(Moments(column(normed, rows, j)).normalise(x(normed, i, j))), 1e-5);
    EXPECT_EQ(got[static_cast<size_t>(kChannels + j)], 0.0f) << "a seed's only node is its own mean";
  }
}

TEST(NodeNorm, TheSameBitsWithAnyNumberOfThreads) {
  for (NormKind kind : {NormKind::kLayer, NormKind::kBatch, NormKind::kInstance}) {
    const Case c{"", kind, true, 3100};
    Normed one(c, 1);
    const std::vector<float> weights = loss_weights(c.rows * kChannels), output = one.forward(),
                             dx = one.backward(weights);
    for (int threads : {2, 4}) {
      Normed many(c, threads);
      EXPECT_TRUE(same_bits(many.forward(), output)) << threads << " threads";
      EXPECT_TRUE(same_bits(many.backward(weights), dx)) << threads << " threads";
      EXPECT_TRUE(same_bits(many.bench.parameters.gradients(), one.bench.parameters.gradients()))
          << threads << " threads";
      EXPECT_TRUE(same_bits(many.bench.parameters.values(), one.bench.parameters.values()))
          << "running statistics";
    }
  }
}

TEST(NodeNorm, LayerEvaluatesAsItTrains) {
  EXPECT_TRUE(same_bits(Normed({"", NormKind::kLayer, true, 300}).forward(),
                        Normed({"", NormKind::kLayer, false, 300}).forward()));
}

}  // namespace
}  // namespace rle
