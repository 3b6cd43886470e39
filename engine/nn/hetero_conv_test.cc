#include "nn/hetero_conv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "nn/gradient_check.h"
#include "nn/step_testing.h"

namespace rle {
namespace {

constexpr int64_t kChannels = 6;

struct EdgeList {
  ConvEdgeType type;
  std::vector<std::pair<int32_t, int32_t>> edges;  // source, target
  bool absent = false;                             // no arrays at all, as where nothing was sampled
};

struct Graph {
  std::vector<int64_t> nodes, targets;  // per type
  std::vector<EdgeList> edge_types;

  EdgeList& add(const std::string& name, int64_t source, int64_t target,
                std::vector<std::pair<int32_t, int32_t>> edges) {
    EdgeList& list = edge_types.emplace_back();
    list.type.name = name;
    list.type.source = source;
    list.type.target = target;
    list.edges = std::move(edges);
    return list;
  }
};

// Types 0, 1, 2; no edge enters type 2. Outputs are asked of the first nodes of a type; edges also reach
// others.
Graph small_graph() {
  Graph graph{{7, 6, 3}, {4, 5, 2}, {}};
  graph.add("a.x.b", 0, 1, {{0, 0}, {1, 0}, {6, 0}, {1, 2}, {1, 2}, {4, 5}, {5, 3}});
  graph.add("b.y.a", 1, 0, {{0, 0}, {5, 1}, {3, 1}, {2, 6}, {2, 5}, {2, 3}});
  graph.add("c.z.b", 2, 1, {{0, 1}, {1, 1}, {2, 1}, {2, 4}, {0, 0}});
  graph.add("a.self.a", 0, 0, {{1, 0}, {0, 1}, {2, 2}, {6, 3}, {3, 5}, {6, 1}});
  graph.add("b.none.b", 1, 1, {});
  graph.add("c.absent.a", 2, 0, {}).absent = true;
  graph.add("c.beyond.a", 2, 0, {{1, 5}, {2, 6}});  // into no target
  return graph;
}

// Random edges among many nodes, for loops that threads share.
Graph large_graph() {
  Graph graph{{3200, 3300, 500}, {3100, 3100, 0}, {}};
  RngStream stream{RngKey(8)};
  graph.add("a.x.b", 0, 1, {});
  graph.add("b.y.a", 1, 0, {});
  graph.add("c.z.b", 2, 1, {});
  graph.add("a.self.a", 0, 0, {});
  const auto node = [&](int64_t type) {
    return static_cast<int32_t>(stream.below(static_cast<uint64_t>(graph.nodes[static_cast<size_t>(type)])));
  };
  for (EdgeList& list : graph.edge_types)
    for (int i = 0; i < 9000; ++i) list.edges.emplace_back(node(list.type.source), node(list.type.target));
  return graph;
}

class Convolved {
 public:
  Convolved(Graph graph, Reduce conv, Reduce hetero, int threads = 1)
      : graph(std::move(graph)),
        bench(threads),
        conv_(bench.parameters, "conv", types(this->graph), node_types(), kChannels, conv, hetero) {
    bench.randomise();
    for (size_t t = 0; t < this->graph.nodes.size(); ++t)
      inputs.push_back(random_values(this->graph.nodes[t] * kChannels, 40 + t));
    for (const EdgeList& list : this->graph.edge_types) add_edges(list);
  }

  // Outputs per type; empty where no edge type enters.
  std::vector<std::vector<float>> forward() {
    Step step = bench.fresh_step(true);
    std::vector<std::vector<float>> outputs;
    for (const Matrix& output : run(step).outputs) outputs.push_back(values_of(output));
    return outputs;
  }
  double loss(const std::vector<std::vector<float>>& weights) {
    std::vector<std::vector<float>> outputs = forward();
    double sum = 0;
    for (size_t t = 0; t < outputs.size(); ++t)
      sum += dot(weights[t], view(outputs[t], static_cast<int64_t>(outputs[t].size()), 1));
    return sum;
  }
  // Returns d inputs, added to `start`.
  std::vector<std::vector<float>> backward(std::vector<std::vector<float>> doutputs, float start = 0.0f) {
    Step step = bench.fresh_step(true);
    HeteroConv::Context context = run(step);
    std::vector<std::vector<float>> dinputs;
    std::vector<Matrix> dy;
    std::vector<NodeGradients> dx;
    for (const std::vector<float>& input : inputs) dinputs.emplace_back(input.size(), start);
    for (size_t t = 0; t < inputs.size(); ++t) {
      dy.push_back(view(doutputs[t], graph.targets[t], kChannels));
      dx.push_back({{view(dinputs[t], graph.nodes[t], kChannels), true}});
    }
    conv_.backward(step, context, dy, dx);
    return dinputs;
  }
  std::vector<std::vector<float>> weights() const {
    std::vector<std::vector<float>> out;
    for (size_t t = 0; t < inputs.size(); ++t)
      out.push_back(loss_weights(graph.targets[t] * kChannels, 60 + t));
    return out;
  }
  bool enters(int64_t type) const { return conv_.has_incoming(type); }

  Graph graph;
  StepBench bench;
  std::vector<std::vector<float>> inputs;

 private:
  static std::vector<ConvEdgeType> types(const Graph& graph) {
    std::vector<ConvEdgeType> out;
    for (const EdgeList& list : graph.edge_types) out.push_back(list.type);
    return out;
  }
  int64_t node_types() const { return static_cast<int64_t>(graph.nodes.size()); }

  HeteroConv::Context run(Step& step) {
    std::vector<NodeVectors> x;
    for (size_t t = 0; t < inputs.size(); ++t)
      x.push_back({graph.nodes[t], {{view(inputs[t], graph.nodes[t], kChannels)}}});
    return conv_.forward(step, x, edges_, graph.targets, {});
  }
  void add_edges(const EdgeList& list) {
    ConvEdges edges;
    if (!list.absent) {
      const int64_t targets = graph.nodes[static_cast<size_t>(list.type.target)];
      int32_t* offsets = layout_.allocate<int32_t>(targets + 1);
      int32_t* index = layout_.allocate<int32_t>(static_cast<int64_t>(list.edges.size()));
      std::vector<std::pair<int32_t, int32_t>> sorted = list.edges;
      std::stable_sort(sorted.begin(), sorted.end(), [](auto a, auto b) { return a.second < b.second; });
      int32_t filled = 0;
      for (int32_t i = 0; i < targets; ++i) {
        offsets[i] = filled;
        while (filled < static_cast<int32_t>(sorted.size()) &&
               sorted[static_cast<size_t>(filled)].second == i) {
          index[filled] = sorted[static_cast<size_t>(filled)].first;
          ++filled;
        }
      }
      offsets[targets] = filled;
      edges.by_target = {offsets, index};
      edges.count = filled;
    }
    edges_.push_back(edges);
  }

  Arena layout_;
  std::vector<ConvEdges> edges_;
  HeteroConv conv_;
};

// The formula, edge by edge.
class Formula {
 public:
  Formula(const Convolved& convolved, Reduce conv, Reduce hetero)
      : in_(convolved), conv_(conv), hetero_(hetero) {}

  double output(int64_t type, int64_t target, int64_t channel) const {
    double combined = 0;
    int64_t entering = 0;
    for (const EdgeList& list : in_.graph.edge_types) {
      if (list.type.target != type) continue;
      const double one = edge_type(list, target, channel);
      combined = hetero_ == Reduce::kMax && entering > 0 ? std::max(combined, one)
                 : hetero_ == Reduce::kMax               ? one
                                                         : combined + one;
      ++entering;
    }
    return hetero_ == Reduce::kMean ? combined / static_cast<double>(entering) : combined;
  }

 private:
  double x(int64_t type, int64_t node, int64_t channel) const {
    return double{in_.inputs[static_cast<size_t>(type)][static_cast<size_t>(node * kChannels + channel)]};
  }
  double parameter(const EdgeList& list, const std::string& name, int64_t i) const {
    const ParameterStore& parameters = in_.bench.parameters;
    return double{
        parameters
            .values()[static_cast<size_t>(parameters.find("conv." + list.type.name + name)->offset + i)]};
  }
  double aggregate(const EdgeList& list, int64_t target, int64_t channel) const {
    double sum = 0, largest = 0;
    int64_t count = 0;
    for (const auto& [source, to] : list.edges) {
      if (to != target) continue;
      const double value = x(list.type.source, source, channel);
      sum += value;
      largest = count == 0 ? value : std::max(largest, value);
      ++count;
    }
    if (count == 0) return 0;
    return conv_ == Reduce::kSum ? sum : conv_ == Reduce::kMean ? sum / static_cast<double>(count) : largest;
  }
  double edge_type(const EdgeList& list, int64_t target, int64_t channel) const {
    double out = parameter(list, ".neighbour.bias", channel);
    for (int64_t k = 0; k < kChannels; ++k)
      out += parameter(list, ".neighbour.weight", channel * kChannels + k) * aggregate(list, target, k) +
             parameter(list, ".root.weight", channel * kChannels + k) * x(list.type.target, target, k);
    return out;
  }

  const Convolved& in_;
  Reduce conv_, hetero_;
};

using Reduces = std::tuple<Reduce, Reduce>;
class HeteroConvTest : public ::testing::TestWithParam<Reduces> {
 protected:
  Convolved convolved(const Graph& graph, int threads = 1) {
    return {graph, std::get<0>(GetParam()), std::get<1>(GetParam()), threads};
  }
};

TEST_P(HeteroConvTest, EqualsTheFormula) {
  Convolved c = convolved(small_graph());
  const Formula formula(c, std::get<0>(GetParam()), std::get<1>(GetParam()));
  const std::vector<std::vector<float>> got = c.forward();
  for (size_t t : {0, 1}) {
    ASSERT_EQ(got[t].size(), static_cast<size_t>(c.graph.targets[t] * kChannels));
    for (int64_t i = 0; i < c.graph.targets[t]; ++i)
      for (int64_t j = 0; j < kChannels; ++j)
        EXPECT_NEAR(got[t][static_cast<size_t>(i * kChannels + j)],
                    formula.output(static_cast<int64_t>(t), i, j), 1e-5)
            << "type " << t << ", node " << i << ", channel " << j;
  }
  EXPECT_TRUE(got[2].empty());
  EXPECT_TRUE(c.enters(0) && c.enters(1));
  EXPECT_FALSE(c.enters(2));
}

TEST_P(HeteroConvTest, GradientsAgreeWithFiniteDifferences) {
  Convolved c = convolved(small_graph());
  const std::vector<std::vector<float>> weights = c.weights();
  const std::vector<std::vector<float>> dinputs = c.backward(weights);
  GradientCheck check([&] { return c.loss(weights); });
  check.expect_parameters(c.bench.parameters);
  for (size_t t = 0; t < dinputs.size(); ++t)
    check.expect("x" + std::to_string(t), c.inputs[t].data(), dinputs[t]);
}

TEST_P(HeteroConvTest, AddsToTheGradientsOfItsInputs) {
  Convolved c = convolved(small_graph());
  const std::vector<std::vector<float>> from_zero = c.backward(c.weights()),
                                        from_three = c.backward(c.weights(), 3.0f);
  for (size_t t = 0; t < from_zero.size(); ++t)
    for (size_t i = 0; i < from_zero[t].size(); ++i)
      ASSERT_NEAR(from_three[t][i], from_zero[t][i] + 3.0f, 1e-5);
}

TEST_P(HeteroConvTest, TargetsDoNotDependOnWhatIsTrimmed) {
  Graph whole = small_graph();
  whole.targets = whole.nodes;
  Convolved trimmed = convolved(small_graph()), all = convolved(whole);
  const std::vector<std::vector<float>> few = trimmed.forward(), many = all.forward();
  for (size_t t : {0, 1}) {
    ASSERT_GT(many[t].size(), few[t].size());
    for (size_t i = 0; i < few[t].size(); ++i) ASSERT_NEAR(few[t][i], many[t][i], 1e-6);
  }
}

TEST_P(HeteroConvTest, NoTargetsAndNoNodes) {
  Graph graph = small_graph();
  graph.targets = {0, 0, 0};
  Convolved no_targets = convolved(graph);
  for (const std::vector<float>& output : no_targets.forward()) EXPECT_TRUE(output.empty());
  for (const std::vector<float>& d : no_targets.backward(no_targets.weights()))
    for (float value : d) EXPECT_EQ(value, 0.0f);
  graph.nodes = {0, 0, 0};
  for (EdgeList& list : graph.edge_types) list.edges.clear();
  Convolved no_nodes = convolved(graph);
  EXPECT_NO_THROW(no_nodes.backward(no_nodes.weights()));
  for (float gradient : no_nodes.bench.parameters.gradients()) EXPECT_EQ(gradient, 0.0f);
}

TEST_P(HeteroConvTest, TheSameBitsWithAnyNumberOfThreads) {
  static const Graph graph = large_graph();
  Convolved one = convolved(graph, 1);
  const std::vector<std::vector<float>> output = one.forward(), dinputs = one.backward(one.weights());
  for (int threads : {2, 4}) {
    Convolved many = convolved(graph, threads);
    const std::vector<std::vector<float>> got = many.forward(), got_dinputs = many.backward(many.weights());
    for (size_t t = 0; t < output.size(); ++t) {
      EXPECT_TRUE(same_bits(got[t], output[t])) << threads << " threads, type " << t;
      EXPECT_TRUE(same_bits(got_dinputs[t], dinputs[t])) << threads << " threads, type " << t;
    }
    EXPECT_TRUE(same_bits(many.bench.parameters.gradients(), one.bench.parameters.gradients()))
        << threads << " threads";
  }
}

std::string reduce_name(Reduce reduce) {
  return reduce == Reduce::kSum ? "sum" : reduce == Reduce::kMean ? "mean" : "max";
}
INSTANTIATE_TEST_SUITE_P(NeighboursThenTypes, HeteroConvTest,
                         ::testing::Combine(::testing::Values(Reduce::kSum, Reduce::kMean, Reduce::kMax),
                                            ::testing::Values(Reduce::kSum, Reduce::kMean, Reduce::kMax)),
                         [](const auto& info) {
                           return reduce_name(std::get<0>(info.param)) + "_" +
                                  reduce_name(std::get<1>(info.param));
                         });

// More entering types than a byte counts: a hub of a wide schema.
TEST(HeteroConv, TheMaximumOverThreeHundredTypes) {
  Graph graph{{2}, {2}, {}};
  for (int e = 0; e < 300; ++e) graph.add("a.e" + std::to_string(e) + ".a", 0, 0, {{0, 1}});
  Convolved c(graph, Reduce::kSum, Reduce::kMax);
  const std::vector<std::vector<float>> weights = c.weights();
  const std::vector<std::vector<float>> dinputs = c.backward(weights);
  const Formula formula(c, Reduce::kSum, Reduce::kMax);
  const std::vector<std::vector<float>> got = c.forward();
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < kChannels; ++j)
      EXPECT_NEAR(got[0][static_cast<size_t>(i * kChannels + j)], formula.output(0, i, j), 1e-5);
  GradientCheck check([&] { return c.loss(weights); });
  check.expect("x", c.inputs[0].data(), dinputs[0]);
}

}  // namespace
}  // namespace rle
