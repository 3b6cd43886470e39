#include "nn/node_vectors.h"

#include <gtest/gtest.h>

#include "nn/gradient_check.h"
#include "nn/step_testing.h"

namespace rle {
namespace {

constexpr int64_t kChannels = 6, kNodes = 11;

// Rows with a map, rows without, constant ages with a map, and one row per node.
struct Expanded {
  explicit Expanded(int threads = 1)
      : bench(threads),
        map(add_linear(bench.parameters, "rows", kChannels, kChannels)),
        time(add_linear(bench.parameters, "time", kChannels, kChannels)) {
    bench.randomise();
  }
  NodeVectors vectors() {
    return {kNodes,
            {{view(rows, 4, kChannels), row.data(), &map},
             {view(others, 4, kChannels), row.data()},
             {view(ages, 3, kChannels), age.data(), &time, age_s, true},
             {view(own, kNodes, kChannels)}}};
  }
  std::vector<float> forward(int64_t nodes) {
    Step step = bench.fresh_step(true);
    return values_of(expand_nodes(step, vectors(), nodes).x);
  }
  // d values per part, from d x of the first `nodes`; added to `start` where that is not zero.
  std::vector<std::vector<float>> backward(std::vector<float> dx, int64_t nodes, float start = 0.0f) {
    Step step = bench.fresh_step(true);
    const ExpandedNodes expanded = expand_nodes(step, vectors(), nodes);
    std::vector<std::vector<float>> out(4);
    NodeGradients gradients;
    for (size_t p = 0; p < 4; ++p) {
      out[p].assign(static_cast<size_t>(expanded.from.parts[p].values.size()), start);
      gradients.push_back({view(out[p], expanded.from.parts[p].values.rows, kChannels), start != 0.0f});
    }
    expand_nodes_backward(step, expanded, view(dx, nodes, kChannels), gradients);
    EXPECT_EQ(gradients[0].started && gradients[1].started && gradients[3].started, true);
    return out;
  }

  StepBench bench;
  LinearParameters map, time;
  std::vector<int32_t> row{3, 0, 0, 1, 3, 3, 0, 1, 1, 3, 0}, age{2, 2, 0, 1, 0, 2, 1, 1, 0, 2, 0};
  int64_t age_s[3] = {10, 20, 30};
  std::vector<float> rows = random_values(4 * kChannels, 1), others = random_values(4 * kChannels, 2),
                     ages = random_values(3 * kChannels, 3), own = random_values(kNodes * kChannels, 4);
};

TEST(NodeVectors, ANodeIsTheSumOfItsPartsMapped) {
  Expanded e;
  const std::vector<float> x = e.forward(kNodes);
  const float *map = e.bench.parameters.value(e.map.weight), *bias = e.bench.parameters.value(e.map.bias),
              *time = e.bench.parameters.value(e.time.weight), *shift = e.bench.parameters.value(e.time.bias);
  for (size_t i = 0; i < kNodes; ++i)
    for (size_t j = 0; j < kChannels; ++j) {
      const size_t r = static_cast<size_t>(e.row[i]) * kChannels,
                   a = static_cast<size_t>(e.age[i]) * kChannels;
      double want =
          double{bias[j]} + double{shift[j]} + double{e.others[r + j]} + double{e.own[i * kChannels + j]};
      for (size_t k = 0; k < kChannels; ++k)
        want += double{map[j * kChannels + k]} * double{e.rows[r + k]} +
                double{time[j * kChannels + k]} * double{e.ages[a + k]};
      EXPECT_NEAR(x[i * kChannels + j], want, 1e-5);
    }
}

TEST(NodeVectors, GradientsAgreeWithFiniteDifferences) {
  constexpr int64_t kFirst = 8;
  Expanded e;
  const std::vector<float> weights = loss_weights(kFirst * kChannels);
  const std::vector<std::vector<float>> gradients = e.backward(weights, kFirst);
  GradientCheck check([&] {
    std::vector<float> x = e.forward(kFirst);
    return dot(weights, view(x, kFirst, kChannels));
  });
  check.expect_parameters(e.bench.parameters);
  check.expect("rows", e.rows.data(), gradients[0]);
  check.expect("others", e.others.data(), gradients[1]);
  check.expect("own", e.own.data(), gradients[3]);
  EXPECT_EQ(check.tensors_with_gradient(), 7);
  for (float g : gradients[2]) EXPECT_EQ(g, 0.0f) << "ages are constant";
}

TEST(NodeVectors, AddsToAGradientThatWasStarted) {
  Expanded e;
  const std::vector<std::vector<float>> fresh = e.backward(loss_weights(kNodes * kChannels), kNodes),
                                        added = e.backward(loss_weights(kNodes * kChannels), kNodes, 2.0f);
  for (size_t p : {0, 1, 3})
    for (size_t i = 0; i < fresh[p].size(); ++i) ASSERT_NEAR(added[p][i], fresh[p][i] + 2.0f, 1e-5);
}

}  // namespace
}  // namespace rle
