#include "nn/input_fold.h"

#include <gtest/gtest.h>

#include "nn/gradient_check.h"
#include "nn/table_encoder.h"
#include "nn/table_testing.h"

namespace rle {
namespace {

constexpr int64_t kChannels = 6;

// A fold with one side of a linear map, and where the table has one column, an identity as the second.
class Folded {
 public:
  Folded(const std::vector<ColumnShape>& shapes, int64_t rows, int threads = 1)
      : table(shapes, rows), bench(threads), fold_(bench.parameters, "t", shapes, kChannels) {
    const LinearParameters map = add_linear(bench.parameters, "map", kChannels, fold_.columns() * kChannels);
    std::vector<FoldSide> sides{{false, map.weight, map.bias}};
    if (shapes.size() == 1) sides.push_back({true, {}, {}});
    fold_.set_sides(std::move(sides));
    bench.randomise();
  }

  // (rows, width), side beside side.
  std::vector<float> forward() {
    Step step = bench.step(true);
    bench.arena.reset();
    context_ = fold_.prepare(step, table.values());
    const Matrix out = new_matrix(bench.arena, table.values().rows, fold_.width());
    float* scratch = bench.arena.allocate<float>(kTileRows * fold_.dense_width());
    for_tiles(0, out.rows, [&](int64_t begin, int64_t end) {
      fold_.forward_tile(table.values(), context_, begin, end, scratch, out.slice(begin, end));
    });
    return values_of(out);
  }

  // Gradients are added to `start`.
  void backward(std::vector<float>& doutput, float start = 0.0f) {
    std::fill(bench.parameters.gradients().begin(), bench.parameters.gradients().end(), start);
    forward();
    Step step = bench.step(true);
    const Matrix dout = view(doutput, table.values().rows, fold_.width());
    const Matrix ddense = new_zero_matrix(bench.arena, fold_.dense_width(), fold_.width());
    float* scratch = bench.arena.allocate<float>(kTileRows * fold_.dense_width());
    for_tiles(0, dout.rows, [&](int64_t begin, int64_t end) {
      fold_.backward_tile(table.values(), begin, end, scratch, dout.slice(begin, end), ddense);
    });
    fold_.backward(step, table.values(), context_, ddense, dout);
  }

  int64_t width() const { return fold_.width(); }

  TestTable table;
  StepBench bench;

 private:
  InputFold fold_;
  InputFold::Context context_;
};

void expect_equal_to_unfolded(const std::vector<ColumnShape>& shapes) {
  constexpr int64_t rows = 300;  // more than one tile
  Folded folded(shapes, rows);
  const std::vector<float> got = folded.forward();
  const ParameterStore& parameters = folded.bench.parameters;
  const float* weight = parameters.values().data() + parameters.find("map.weight")->offset;
  const float* bias = parameters.values().data() + parameters.find("map.bias")->offset;
  const size_t width = shapes.size() * kChannels;
  for (int64_t i = 0; i < rows; ++i) {
    std::vector<double> concatenated;
    for (size_t c = 0; c < shapes.size(); ++c) {
      const std::vector<double> one = folded.table.column_vector(parameters, "t", c, i, kChannels);
      concatenated.insert(concatenated.end(), one.begin(), one.end());
    }
    for (size_t j = 0; j < kChannels; ++j) {
      double want = double{bias[j]};
      for (size_t k = 0; k < width; ++k) want += double{weight[j * width + k]} * concatenated[k];
      const size_t element = static_cast<size_t>(i * folded.width()) + j;
      ASSERT_NEAR(got[element], want, 1e-5) << "row " << i << ", channel " << j;
      if (shapes.size() == 1) {
        ASSERT_NEAR(got[element + kChannels], concatenated[j], 1e-5) << "identity";
      }
    }
  }
}

TEST(InputFold, EqualsTheUnfoldedMapOfAllKindsTogether) { expect_equal_to_unfolded(TestTable::all_kinds()); }

class InputFoldOfOneColumn : public ::testing::TestWithParam<ColumnShape> {};

TEST_P(InputFoldOfOneColumn, EqualsTheUnfoldedMapAndTheIdentity) { expect_equal_to_unfolded({GetParam()}); }

TEST_P(InputFoldOfOneColumn, GradientsAgreeWithFiniteDifferences) {
  constexpr int64_t rows = 9;
  Folded folded({GetParam()}, rows);
  std::vector<float> weights = loss_weights(rows * folded.width());
  folded.backward(weights);
  GradientCheck check([&] {
    std::vector<float> out = folded.forward();
    return dot(weights, view(out, rows, folded.width()));
  });
  check.expect_parameters(folded.bench.parameters);
  EXPECT_EQ(static_cast<size_t>(check.tensors_with_gradient()), folded.bench.parameters.entries().size());
}

INSTANTIATE_TEST_SUITE_P(Kinds, InputFoldOfOneColumn, ::testing::ValuesIn(TestTable::all_kinds()),
                         [](const auto& info) { return info.param.name; });

TEST(InputFold, GradientsOfNullsAndOfTheNullRowAreZero) {
  constexpr int64_t rows = 9;
  const ColumnShape shape{"team", ColumnKind::kCategory, 9, 0};
  Folded folded({shape}, rows);
  std::vector<float> weights(static_cast<size_t>(rows * folded.width()), 1.0f);
  folded.backward(weights);
  const ParameterStore::Entry* embedding = folded.bench.parameters.find("t.columns.team.embedding");
  const float* gradient = folded.bench.parameters.gradients().data() + embedding->offset;
  for (int64_t row : {0, 4, 5, 7, 8, 9})  // not among the batch's values {3, 1, 6, 2}
    for (int64_t j = 0; j < kChannels; ++j) EXPECT_EQ(gradient[row * kChannels + j], 0.0f) << "row " << row;
}

TEST(InputFold, GradientsAreAdded) {
  constexpr int64_t rows = 9;
  Folded folded(TestTable::all_kinds(), rows);
  std::vector<float> weights = loss_weights(rows * folded.width());
  folded.backward(weights);
  const std::vector<float> once = folded.bench.parameters.gradients();
  folded.backward(weights, 2.0f);
  for (size_t i = 0; i < once.size(); ++i)
    ASSERT_NEAR(folded.bench.parameters.gradients()[i], 2.0f + once[i], 1e-5) << "value " << i;
}

TEST(InputFold, ATableWithoutRows) {
  Folded folded(TestTable::all_kinds(), 0);
  EXPECT_TRUE(folded.forward().empty());
  std::vector<float> none;
  folded.backward(none, 3.0f);
  for (float gradient : folded.bench.parameters.gradients()) ASSERT_EQ(gradient, 3.0f);
}

}  // namespace
}  // namespace rle
