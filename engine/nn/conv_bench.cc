// The first layer of message passing, forward and backward, on rows and ages and on expanded nodes: a child
// table of 18,000 nodes (9,000 rows, 3,600 ages), each with a parent of its own age and an owner, and 512
// owners as targets (a batch of 512 rel-f1 seeds).
#include <benchmark/benchmark.h>

#include <vector>

#include "base/rng.h"
#include "nn/hetero_conv.h"

namespace rle {
namespace {

constexpr int64_t kChannels = 128, kChildren = 18000, kRows = 9000, kAges = 3600, kParents = 727,
                  kOwners = 512;

class Bench {
 public:
  Bench()
      : conv_(parameters_, "conv",
              {{"parents.children", 1, 0}, {"owners.children", 2, 0}, {"children.owners", 0, 2}}, 3,
              kChannels, Reduce::kSum, Reduce::kSum) {
    for (const char* name : {"rows.0", "rows.1", "rows.2", "time.0", "time.1"})
      maps_.push_back(add_linear(parameters_, name, kChannels, kChannels));
    parameters_.freeze(1);
    RngStream stream{RngKey(4)};
    for (int64_t i = 0; i < kChildren; ++i) {
      row_.push_back(static_cast<int32_t>(i < kRows ? i : stream.below(kRows)));
      age_.push_back(static_cast<int32_t>(stream.below(kAges)));
      parent_row_.push_back(row_.back() % static_cast<int32_t>(kParents));
      own_.push_back(static_cast<int32_t>(i));
      owner_.push_back(static_cast<int32_t>(i * kOwners / kChildren));
      one_.push_back(static_cast<int32_t>(i));
    }
    one_.push_back(static_cast<int32_t>(kChildren));
    for (int64_t o = 0; o <= kOwners; ++o) lists_.push_back(static_cast<int32_t>(0));
    for (int32_t o : owner_) ++lists_[static_cast<size_t>(o) + 1];
    for (size_t o = 0; o < kOwners; ++o) lists_[o + 1] += lists_[o];
    for (int32_t o = 0; o < kOwners; ++o) owner_row_.push_back(o % 267);
    for (int64_t a = 0; a < kAges; ++a) age_s_.push_back(a * 86400);
  }

  void step(bool expanded) {
    arena_.reset();
    Step step{parameters_, arena_, pool_, true, RngKey(1)};
    const std::vector<NodeVectors> vectors{{kChildren,
                                            {{values(kRows), row_.data(), &maps_[0]},
                                             {values(kAges), age_.data(), &maps_[3], age_s_.data(), true}}},
                                           {kChildren,
                                            {{values(kParents), parent_row_.data(), &maps_[1]},
                                             {values(kAges), age_.data(), &maps_[4], age_s_.data(), true}}},
                                           {kOwners, {{values(267), owner_row_.data(), &maps_[2]}}}};
    std::vector<ExpandedNodes> nodes;
    std::vector<NodeVectors> inputs = vectors;
    for (size_t t = 0; expanded && t < 3; ++t) {
      nodes.push_back(expand_nodes(step, vectors[t], vectors[t].nodes));
      inputs[t] = nodes[t].vectors();
    }
    const std::vector<ConvEdges> edges{{{one_.data(), own_.data()}, kChildren},
                                       {{one_.data(), owner_.data()}, kChildren},
                                       {{lists_.data(), own_.data()}, kChildren}};
    HeteroConv::Context context = conv_.forward(step, inputs, edges, {kChildren, 0, kOwners}, {});
    std::vector<NodeGradients> dinputs = gradients(inputs);
    conv_.backward(step, context, context.outputs, dinputs);
    std::vector<NodeGradients> dvalues = gradients(vectors);
    for (size_t t = 0; expanded && t < 3; ++t)
      expand_nodes_backward(step, nodes[t], dinputs[t][0].data, dvalues[t]);
  }

 private:
  Matrix values(int64_t rows) { return new_zero_matrix(arena_, rows, kChannels); }
  std::vector<NodeGradients> gradients(const std::vector<NodeVectors>& vectors) {
    std::vector<NodeGradients> out;
    for (const NodeVectors& v : vectors) {
      NodeGradients& g = out.emplace_back();
      for (const NodePart& part : v.parts)
        g.push_back({part.constant ? Matrix() : new_matrix(arena_, part.values.rows, kChannels), false});
    }
    return out;
  }

  ParameterStore parameters_;
  HeteroConv conv_;
  std::vector<LinearParameters> maps_;
  Arena arena_;
  ThreadPool pool_{1};
  std::vector<int32_t> row_, age_, parent_row_, own_, owner_, one_, lists_, owner_row_;
  std::vector<int64_t> age_s_;
};

void layer_on_rows_and_ages(benchmark::State& state) {
  Bench bench;
  for (auto _ : state) bench.step(false);
}
BENCHMARK(layer_on_rows_and_ages)->Unit(benchmark::kMillisecond);

void layer_on_expanded_nodes(benchmark::State& state) {
  Bench bench;
  for (auto _ : state) bench.step(true);
}
BENCHMARK(layer_on_expanded_nodes)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rle
