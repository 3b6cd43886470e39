// Message passing on parts (rows, ages) against the same on expanded nodes, and what the plan chooses.
#include "nn/conv_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "nn/hetero_conv.h"
#include "nn/step_testing.h"

namespace rle {
namespace {

constexpr int64_t kChannels = 6;

// Seeds' events (type 0: many nodes, each with one place, one owner; as old as its place), places (type 1),
// owners (type 2, no time), as rows that are shared by nodes.
struct World {
  struct Type {
    int64_t nodes = 0, targets = 0;
    std::vector<float> values;
    std::vector<int32_t> row, age;
    std::vector<int64_t> ages;
    std::vector<float> features;
  };
  struct Edges {
    std::vector<int32_t> offsets{0}, index;
  };

  // Of every `skip`-th event the place is missing; of event nodes of a row the owner is the same, unless
  // `mixed`.
  World(int64_t events, int64_t rows, int skip, bool mixed) : types(3), edges(4) {
    RngStream stream{RngKey(31)};
    const auto below = [&](int64_t n) {
      return static_cast<int32_t>(stream.below(static_cast<uint64_t>(n)));
    };
    const int64_t places = 9, owners = 5;
    fill(types[0], events, rows, 7, 1);
    fill(types[1], events, places, 7, 2);
    fill(types[2], owners, owners, 0, 3);
    for (int32_t i = 0; i < events; ++i) {
      types[0].row[static_cast<size_t>(i)] = i < rows ? i : below(rows);
      types[0].age[static_cast<size_t>(i)] = below(7);
      types[1].row[static_cast<size_t>(i)] = types[0].row[static_cast<size_t>(i)] % 9;
      types[1].age[static_cast<size_t>(i)] = types[0].age[static_cast<size_t>(i)];
      if (skip == 0 || i % skip != 0) edges[0].index.push_back(i);  // a place node of its own
      edges[0].offsets.push_back(static_cast<int32_t>(edges[0].index.size()));
      edges[1].index.push_back(mixed ? below(owners) : types[0].row[static_cast<size_t>(i)] % 5);
      edges[1].offsets.push_back(static_cast<int32_t>(edges[1].index.size()));
    }
    for (int32_t i = 0; i < owners; ++i) {  // owners' events: lists
      types[2].row[static_cast<size_t>(i)] = i;
      for (int32_t n = 0; n < events; ++n)
        if (n % 6 == i) edges[2].index.push_back(n);
      edges[2].offsets.push_back(static_cast<int32_t>(edges[2].index.size()));
    }
    edges[3].offsets.assign(static_cast<size_t>(events) + 1, 0);  // none
    types[0].targets = events - 3;
    types[1].targets = 0;
    types[2].targets = owners;
  }
  static void fill(Type& type, int64_t nodes, int64_t rows, int64_t ages, uint64_t seed) {
    type.nodes = nodes;
    type.row.resize(static_cast<size_t>(nodes));
    type.values = random_values(rows * kChannels, seed);
    if (ages == 0) return;
    type.age.resize(static_cast<size_t>(nodes));
    for (int64_t a = 0; a < ages; ++a) type.ages.push_back(100 + a);
    type.features = random_values(ages * kChannels, 70);
  }

  std::vector<Type> types;
  std::vector<Edges> edges;
};

struct Result {
  std::vector<std::vector<float>> outputs, dvalues;
  std::vector<float> gradients;
  std::vector<ConvTerm> terms;
  std::vector<ConvGroup> groups;
};

class Layer {
 public:
  Layer(World& world, Reduce conv, Reduce hetero, int threads = 1)
      : world_(world),
        bench_(threads),
        conv_(bench_.parameters, "conv",
              {{"places.events", 1, 0}, {"owners.events", 2, 0}, {"events.owners", 0, 2}, {"none", 0, 0}}, 3,
              kChannels, conv, hetero) {
    for (size_t t = 0; t < 3; ++t) {
      const std::string name = std::to_string(t);
      rows_.push_back(add_linear(bench_.parameters, "rows." + name, kChannels, kChannels));
      times_.push_back(add_linear(bench_.parameters, "time." + name, kChannels, kChannels));
    }
    bench_.randomise();
  }

  // On parts, or on expanded nodes.
  Result run(bool expanded) {
    Step step = bench_.fresh_step(true);
    Result result;
    std::vector<NodeVectors> vectors = parts(), inputs = vectors;
    std::vector<ExpandedNodes> nodes;
    for (size_t t = 0; expanded && t < 3; ++t) {
      nodes.push_back(expand_nodes(step, vectors[t], vectors[t].nodes));
      inputs[t] = nodes[t].vectors();
    }
    const std::vector<int64_t> targets = this->targets();
    HeteroConv::Context context = conv_.forward(step, inputs, edges(), targets, {});
    std::vector<std::vector<float>> weights(3);
    std::vector<Matrix> doutputs;
    for (size_t t = 0; t < 3; ++t) {
      result.outputs.push_back(values_of(context.outputs[t]));
      weights[t] = loss_weights(targets[t] * kChannels, 60 + t);
      doutputs.push_back(view(weights[t], targets[t], kChannels));
    }
    std::vector<NodeGradients> gradients = fresh(step, vectors);
    if (expanded) {
      std::vector<NodeGradients> dnodes = fresh(step, inputs);
      conv_.backward(step, context, doutputs, dnodes);
      for (size_t t = 0; t < 3; ++t)
        if (dnodes[t][0].started) expand_nodes_backward(step, nodes[t], dnodes[t][0].data, gradients[t]);
    } else {
      conv_.backward(step, context, doutputs, gradients);
    }
    for (const NodeGradients& g : gradients) {
      EXPECT_TRUE(g[0].started);
      result.dvalues.push_back(values_of(g[0].data));
    }
    result.gradients = bench_.parameters.gradients();
    result.terms = context.terms.terms;
    result.groups = context.terms.groups;
    return result;
  }

  // Outputs per type of an evaluation step.
  std::vector<std::vector<float>> evaluate() {
    Step step = bench_.fresh_step(false);
    std::vector<std::vector<float>> out;
    for (const Matrix& m : conv_.forward(step, parts(), edges(), targets(), {}).outputs)
      out.push_back(values_of(m));
    return out;
  }

 private:
  std::vector<ConvEdges> edges() const {
    std::vector<ConvEdges> out;
    for (const World::Edges& e : world_.edges)
      out.push_back({{e.offsets.data(), e.index.data()}, static_cast<int64_t>(e.index.size())});
    return out;
  }
  std::vector<int64_t> targets() const {
    std::vector<int64_t> out;
    for (const World::Type& type : world_.types) out.push_back(type.targets);
    return out;
  }
  std::vector<NodeVectors> parts() {
    std::vector<NodeVectors> out;
    for (size_t t = 0; t < 3; ++t) {
      World::Type& type = world_.types[t];
      const int64_t rows = static_cast<int64_t>(type.values.size()) / kChannels;
      NodeVectors& vectors = out.emplace_back();
      vectors.nodes = type.nodes;
      vectors.parts.push_back({view(type.values, rows, kChannels), type.row.data(), &rows_[t]});
      if (type.ages.empty()) continue;
      vectors.parts.push_back({view(type.features, static_cast<int64_t>(type.ages.size()), kChannels),
                               type.age.data(), &times_[t], type.ages.data(), true});
    }
    return out;
  }
  static std::vector<NodeGradients> fresh(Step& step, const std::vector<NodeVectors>& vectors) {
    std::vector<NodeGradients> out;
    for (const NodeVectors& v : vectors) {
      NodeGradients& gradients = out.emplace_back();
      for (const NodePart& part : v.parts)
        gradients.push_back(
            {part.constant ? Matrix() : new_matrix(step.arena, part.values.rows, kChannels), false});
    }
    return out;
  }

  World& world_;
  StepBench bench_;
  HeteroConv conv_;
  std::vector<LinearParameters> rows_, times_;
};

void expect_close(const std::vector<float>& got, const std::vector<float>& want, double tolerance,
                  const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], tolerance) << what << " " << i;
}

void expect_same_mathematics(World& world, Reduce conv, Reduce hetero) {
  Layer layer(world, conv, hetero);
  const Result got = layer.run(false), want = layer.run(true);
  for (size_t t = 0; t < 3; ++t) {
    expect_close(got.outputs[t], want.outputs[t], 3e-5, fmt::format("output of type {}", t));
    expect_close(got.dvalues[t], want.dvalues[t], 1e-5, fmt::format("d values of type {}", t));
  }
  expect_close(got.gradients, want.gradients, 2e-5, "gradients");
}

using Reduces = std::tuple<Reduce, Reduce>;
class ConvPartsTest : public ::testing::TestWithParam<Reduces> {};

// Few rows (maps applied first, values mapped first) and many (maps folded, sums first); ages that join and
// ages that do not; owners that a row decides and owners that it does not.
TEST_P(ConvPartsTest, EqualExpandedNodes) {
  const auto [conv, hetero] = GetParam();
  for (int64_t rows : {10, 60, 170})
    for (int skip : {0, 4})
      for (bool mixed : {false, true}) {
        SCOPED_TRACE(::testing::Message() << rows << " rows, skip " << skip << ", mixed " << mixed);
        World world(173, rows, skip, mixed);
        expect_same_mathematics(world, conv, hetero);
      }
}

TEST_P(ConvPartsTest, TheSameBitsWithAnyNumberOfThreads) {
  const auto [conv, hetero] = GetParam();
  World world(5000, 2000, 0, false);
  const Result one = Layer(world, conv, hetero, 1).run(false);
  for (int threads : {2, 4}) {
    const Result many = Layer(world, conv, hetero, threads).run(false);
    EXPECT_TRUE(same_bits(many.gradients, one.gradients));
    for (size_t t = 0; t < 3; ++t) {
      EXPECT_TRUE(same_bits(many.outputs[t], one.outputs[t]));
      EXPECT_TRUE(same_bits(many.dvalues[t], one.dvalues[t]));
    }
  }
}

// Fewer targets, and a last one with another owner and no place, would change every choice of a training
// step.
TEST_P(ConvPartsTest, InEvaluationOthersDoNotChangeABit) {
  const auto [conv, hetero] = GetParam();
  World world(173, 60, 0, false), fewer = world, other = world;
  const std::vector<float> all = Layer(world, conv, hetero).evaluate()[0];
  expect_close(all, Layer(world, conv, hetero).run(false).outputs[0], 3e-5, "as in training");
  const auto first = [&](const std::vector<float>& values, int64_t rows) {
    return std::vector<float>(values.begin(), values.begin() + rows * kChannels);
  };
  fewer.types[0].targets = 20;
  EXPECT_TRUE(same_bits(Layer(fewer, conv, hetero).evaluate()[0], first(all, 20)));
  constexpr size_t kLast = 169;
  other.edges[1].index[kLast] = (other.edges[1].index[kLast] + 1) % 5;
  other.edges[0].index.erase(other.edges[0].index.begin() + kLast);
  for (size_t i = kLast + 1; i < other.edges[0].offsets.size(); ++i) --other.edges[0].offsets[i];
  const std::vector<float> changed = Layer(other, conv, hetero).evaluate()[0];
  EXPECT_TRUE(same_bits(first(changed, kLast), first(all, kLast)));
  EXPECT_FALSE(same_bits(changed, all));
}

std::string reduce_name(Reduce reduce) {
  return reduce == Reduce::kSum ? "sum" : reduce == Reduce::kMean ? "mean" : "max";
}
INSTANTIATE_TEST_SUITE_P(NeighboursThenTypes, ConvPartsTest,
                         ::testing::Combine(::testing::Values(Reduce::kSum, Reduce::kMean),
                                            ::testing::Values(Reduce::kSum, Reduce::kMean, Reduce::kMax)),
                         [](const auto& info) {
                           return reduce_name(std::get<0>(info.param)) + "_" +
                                  reduce_name(std::get<1>(info.param));
                         });

// Events: their rows (with places and owners added by row) and their ages (with the places').
TEST(ConvPlan, TermsOfAChildThatItsRowDetermines) {
  World world(173, 60, 0, false);
  const Result result = Layer(world, Reduce::kSum, Reduce::kSum).run(false);
  const ConvGroup& events = result.groups[0];
  ASSERT_EQ(events.terms.size(), 2u);
  EXPECT_EQ(events.row_terms.size(), 2u);
  EXPECT_EQ(result.terms[events.terms[0]].factors.size(), 1u);
  EXPECT_EQ(result.terms[events.terms[1]].factors.size(), 2u) << "own ages and the places'";
  for (size_t t : events.terms) EXPECT_EQ(result.terms[t].order, TermOrder::kMapFirst);
  const ConvGroup& owners = result.groups[1];  // five targets: lists are summed first
  ASSERT_EQ(owners.terms.size(), 3u);
  EXPECT_EQ(result.terms[owners.terms[1]].order, TermOrder::kSumFirst);
  EXPECT_EQ(result.terms[owners.terms[2]].order, TermOrder::kSumFirst);
}

TEST(ConvPlan, AMissingPlaceOrAnotherOwnerIsSeen) {
  World world(173, 60, 4, true);
  const Result result = Layer(world, Reduce::kSum, Reduce::kSum).run(false);
  const ConvGroup& events = result.groups[0];
  EXPECT_EQ(events.terms.size(), 5u) << "rows, ages, places' rows and ages, owners";
  EXPECT_TRUE(events.row_terms.empty());
}

TEST(PartLists, SingleCompleteAndLonger) {
  Arena arena;
  const int32_t offsets[] = {0, 1, 2, 2, 4}, sources[] = {2, 0, 1, 2}, rows[] = {7, 8, 9};
  const PartLists two = part_lists({offsets, sources}, rows, 2, arena);
  EXPECT_TRUE(two.single && two.complete);
  EXPECT_EQ(std::vector<int32_t>(two.lists.index, two.lists.index + 2), (std::vector<int32_t>{9, 7}));
  const PartLists three = part_lists({offsets, sources}, rows, 3, arena);
  EXPECT_TRUE(three.single && !three.complete);
  EXPECT_EQ(std::vector<int32_t>(three.lists.index, three.lists.index + 3), (std::vector<int32_t>{9, 7, -1}));
  const PartLists all = part_lists({offsets, sources}, rows, 4, arena);
  EXPECT_FALSE(all.single || all.complete);
  EXPECT_EQ(all.lists.offsets, offsets);
  EXPECT_EQ(std::vector<int32_t>(all.lists.index, all.lists.index + 4), (std::vector<int32_t>{9, 7, 8, 9}));
}

TEST(SourcesByRow, OnlyWhereAllNodesOfARowAgree) {
  Arena arena;
  const int32_t index[] = {5, -1, 5, 3, -1}, row[] = {0, 2, 0, 3, 2}, other[] = {5, -1, 4, 3, -1};
  const int32_t* got = sources_by_row(index, row, 5, 4, arena);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(std::vector<int32_t>(got, got + 4), (std::vector<int32_t>{5, -1, -1, 3}));
  EXPECT_EQ(sources_by_row(other, row, 5, 4, arena), nullptr);
}

}  // namespace
}  // namespace rle
