#include "nn/table_encoder.h"

#include <gtest/gtest.h>

#include <numeric>

#include "nn/gradient_check.h"
#include "nn/node_vectors.h"
#include "nn/table_testing.h"

namespace rle {
namespace {

constexpr int64_t kChannels = 8;

struct Case {
  const char* name;
  int64_t blocks;
  bool one_column;
  float dropout;
};

std::vector<ColumnShape> shapes_of(const Case& c) {
  if (c.one_column) return {{"points", ColumnKind::kNumeric, 0, 0}};
  return TestTable::all_kinds();
}

class Encoded {
 public:
  Encoded(const Case& c, int64_t rows, int threads = 1)
      : table(shapes_of(c), rows),
        bench(threads),
        encoder_(bench.parameters, "t", shapes_of(c), kChannels, c.blocks, c.dropout) {
    bench.randomise();
  }

  std::vector<float> forward(bool training) {
    Step step = bench.fresh_step(training);
    return values_of(run(step, table.values()).nodes.x);
  }
  // Returns the output; gradients are in the store.
  std::vector<float> backward(std::vector<float> doutput) {
    Step step = bench.fresh_step(true);
    State state = run(step, table.values());
    const std::vector<float> output = values_of(state.nodes.x);
    const int64_t rows = table.values().rows;
    NodeGradients gradients{{new_matrix(step.arena, rows, kChannels), false}};
    expand_nodes_backward(step, state.nodes, view(doutput, rows, kChannels), gradients);
    encoder_.prepare_backward(step, state.context, gradients[0].data);
    bench.pool.for_each(state.context.slots.count,
                        [&](int64_t slot) { encoder_.backward_slot(step, state.context, slot); });
    encoder_.finish_backward(step, state.context);
    return output;
  }
  // With the last map applied.
  struct State {
    TableEncoder::Context context;
    ExpandedNodes nodes;
  };
  State run(Step& step, const TableValues& values) {
    State state;
    state.context = encoder_.prepare(step, values);
    bench.pool.for_each(state.context.slots.count,
                        [&](int64_t slot) { encoder_.forward_slot(step, state.context, slot); });
    state.nodes = expand_nodes(step, {values.rows, {{state.context.output, nullptr, &encoder_.output_map()}}},
                               values.rows);
    return state;
  }

  TestTable table;
  StepBench bench;

 private:
  TableEncoder encoder_;
};

class TableEncoderTest : public ::testing::TestWithParam<Case> {};

TEST_P(TableEncoderTest, GradientsAgreeWithFiniteDifferences) {
  constexpr int64_t rows = 7;
  Encoded encoded(GetParam(), rows);
  const std::vector<float> weights = loss_weights(rows * kChannels);
  encoded.backward(weights);
  GradientCheck check([&] {
    std::vector<float> out = encoded.forward(true);
    return dot(weights, view(out, rows, kChannels));
  });
  check.expect_parameters(encoded.bench.parameters);
  EXPECT_EQ(static_cast<size_t>(check.tensors_with_gradient()), encoded.bench.parameters.entries().size());
}

TEST_P(TableEncoderTest, TheSameBitsWithAnyNumberOfThreads) {
  constexpr int64_t rows = 3100;
  std::vector<float> output, gradients;
  for (int threads : {1, 2, 4}) {
    Encoded encoded(GetParam(), rows, threads);
    const std::vector<float> got = encoded.backward(loss_weights(rows * kChannels));
    if (threads == 1) {
      output = got;
      gradients = encoded.bench.parameters.gradients();
    } else {
      EXPECT_TRUE(same_bits(got, output)) << threads << " threads";
      EXPECT_TRUE(same_bits(encoded.bench.parameters.gradients(), gradients)) << threads << " threads";
    }
  }
}

TEST_P(TableEncoderTest, EvaluationIsTrainingWithoutDropout) {
  Case plain = GetParam();
  plain.dropout = 0.0f;
  Encoded with(GetParam(), 600), without(plain, 600);
  const std::vector<float> evaluated = with.forward(false);
  EXPECT_TRUE(same_bits(evaluated, without.forward(false)));
  EXPECT_TRUE(same_bits(evaluated, without.forward(true)));
  EXPECT_EQ(same_bits(evaluated, with.forward(true)), GetParam().dropout == 0.0f || GetParam().blocks == 0);
}

TEST_P(TableEncoderTest, ATableWithoutRows) {
  Encoded encoded(GetParam(), 0);
  EXPECT_TRUE(encoded.forward(false).empty());
  EXPECT_TRUE(encoded.backward({}).empty());
  for (float gradient : encoded.bench.parameters.gradients()) ASSERT_EQ(gradient, 0.0f);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, TableEncoderTest,
    ::testing::Values(Case{"no_blocks", 0, false, 0.0f}, Case{"no_blocks_one_column", 0, true, 0.3f},
                      Case{"one_block", 1, false, 0.0f}, Case{"one_block_dropout", 1, false, 0.3f},
                      Case{"one_block_identity", 1, true, 0.0f}, Case{"three_blocks", 3, false, 0.0f},
                      Case{"three_blocks_dropout", 3, false, 0.3f},
                      Case{"three_blocks_identity_dropout", 3, true, 0.3f}),
    [](const auto& info) { return info.param.name; });

// The products of residual blocks and the last map take bf16; nothing else does.
TEST_P(TableEncoderTest, Bf16IsNearFp32) {
  constexpr int64_t rows = 900;
  // Of one sign: where gradients of rows cancel, what is left is mostly ReLUs that changed their branch.
  std::vector<float> weights = loss_weights(rows * kChannels);
  for (float& weight : weights) weight = std::abs(weight);
  Encoded exact(GetParam(), rows), rounded(GetParam(), rows);
  rounded.bench.precision = Precision::kBf16;
  const std::vector<float> want = exact.backward(weights), got = rounded.backward(weights);
  EXPECT_LT(relative_distance(got, want), 0.01);
  EXPECT_GT(relative_distance(got, want), 1e-4);
  EXPECT_LT(relative_distance(rounded.bench.parameters.gradients(), exact.bench.parameters.gradients()),
            0.03);

  Step exact_step = exact.bench.fresh_step(true), rounded_step = rounded.bench.fresh_step(true);
  const bool same = same_bits(values_of(exact.run(exact_step, exact.table.values()).context.output),
                              values_of(rounded.run(rounded_step, rounded.table.values()).context.output));
  EXPECT_EQ(same, GetParam().blocks == 0) << "folded columns, norms and dropout are fp32";
}

// What a residual block is, in plain loops over one numeric column.
TEST(TableEncoder, OneBlockEqualsThePlainFormula) {
  constexpr int64_t rows = 5;
  Encoded encoded({"", 1, true, 0.0f}, rows);
  const std::vector<float> got = encoded.forward(true);
  const ParameterStore& parameters = encoded.bench.parameters;
  using Vector = std::vector<double>;
  const auto parameter = [&](const std::string& name) {
    return parameters.values().data() + parameters.find(name)->offset;
  };
  const auto linear = [&](const std::string& name, const Vector& x) {
    Vector y;
    for (size_t i = 0; i < kChannels; ++i) {
      y.push_back(double{parameter(name + ".bias")[i]});
      for (size_t k = 0; k < x.size(); ++k)
        y[i] += double{parameter(name + ".weight")[i * x.size() + k]} * x[k];
    }
    return y;
  };
  const auto norm_relu = [&](const std::string& name, Vector x) {
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / kChannels;
    double variance = 0;
    for (double v : x) variance += (v - mean) * (v - mean) / kChannels;
    for (size_t j = 0; j < x.size(); ++j)
      x[j] =
          std::max(0.0, (x[j] - mean) / std::sqrt(variance + 1e-5) * double{parameter(name + ".weight")[j]} +
                            double{parameter(name + ".bias")[j]});
    return x;
  };
  for (int64_t i = 0; i < rows; ++i) {
    const Vector x = encoded.table.column_vector(parameters, "t", 0, i, kChannels);
    Vector hidden = norm_relu("t.blocks.0.norm1", linear("t.blocks.0.lin1", x));
    hidden = norm_relu("t.blocks.0.norm2", linear("t.blocks.0.lin2", hidden));
    for (size_t j = 0; j < kChannels; ++j) hidden[j] += x[j];
    const Vector want = linear("t.output.linear", norm_relu("t.output.norm", hidden));
    for (size_t j = 0; j < kChannels; ++j)
      EXPECT_NEAR(got[static_cast<size_t>(i) * kChannels + j], want[j], 1e-5)
          << "row " << i << ", channel " << j;
  }
}

TEST(TableEncoder, MasksBelongToTheRowAndTheKey) {
  constexpr int64_t rows = 40;
  Encoded encoded({"", 3, false, 0.3f}, rows);
  const std::vector<float> all = encoded.forward(true);
  // Rows 10.. alone, by shifting what the batch views: same rows, other positions.
  TableValues tail = encoded.table.values();
  const std::vector<ColumnShape> shapes = TestTable::all_kinds();
  constexpr int64_t first = 10;
  tail.rows = rows - first;
  tail.row_ids += first;
  for (size_t c = 0; c < shapes.size(); ++c) {
    ColumnValues& column = tail.columns[c];
    switch (shapes[c].kind) {
      case ColumnKind::kEmbedding:
      case ColumnKind::kNumeric:
        column.value += first * std::max<int64_t>(1, shapes[c].dimension);
        column.present += first;
        break;
      case ColumnKind::kMultiCategory:
        column.offsets += first;
        break;
      default:
        column.index += first;
    }
  }
  Step step = encoded.bench.fresh_step(true);
  EXPECT_TRUE(
      same_bits(values_of(encoded.run(step, tail).nodes.x), {all.begin() + first * kChannels, all.end()}));
  Step other{encoded.bench.parameters, encoded.bench.arena, encoded.bench.pool, true, RngKey(18)};
  EXPECT_FALSE(same_bits(values_of(encoded.run(other, encoded.table.values()).nodes.x), all));
}

}  // namespace
}  // namespace rle
