// Each module of the model alone against the public one: given what the public module was given in a fixture
// of testdata/, it must return what that returned. golden_test.cc compares the whole, and every gradient.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "kernel/isa.h"
#include "kernel/segment.h"
#include "model/golden_testing.h"
#include "model/pass.h"
#include "model/table_values.h"

namespace rle {
namespace {

struct Bench {
  explicit Bench(const std::string& name) : fixture(name), modules(fixture.definition(), parameters) {
    parameters.freeze(1);
    fixture.set_parameters(parameters);
  }

  const ModelDefinition& definition() const { return fixture.definition(); }
  size_t types() const { return definition().graph.node_types.size(); }
  const std::string& table(size_t type) const { return definition().graph.node_types[type].name; }
  const NodeBlock& nodes(size_t type) const { return fixture.input().batch->nodes[type]; }
  int64_t channels() const { return definition().config.channels; }

  // Whether the fixture has every parameter whose name `matches`.
  template <typename Matches>
  bool reached(Matches matches) const {
    return std::all_of(parameters.entries().begin(), parameters.entries().end(), [&](const auto& entry) {
      return !entry.trained || !matches(entry.name) || fixture.has_parameter(entry.name);
    });
  }

  // A copy in the arena, rows of `channels` values.
  Matrix matrix(const std::vector<float>& values) {
    const Matrix m = new_matrix(arena, static_cast<int64_t>(values.size()) / channels(), channels());
    std::copy(values.begin(), values.end(), m.data);
    return m;
  }

  std::vector<ConvEdges> edges();

  GoldenFixture fixture;
  ParameterStore parameters;
  Modules modules;
  Arena arena;
  ThreadPool pool{2};
  Step step{parameters, arena, pool, true, RngKey(0), nullptr};
};

std::vector<ConvEdges> Bench::edges() {
  std::vector<ConvEdges> out;
  for (size_t e = 0; e < definition().graph.edge_types.size(); ++e) {
    const EdgeBlock& block = fixture.input().batch->edges[e];
    ConvEdges one;
    one.count = block.edges();
    one.by_target = {block.offsets.data(), block.source.data()};
    out.push_back(one);
  }
  return out;
}

bool starts_with(const std::string& name, const std::string& prefix) {
  return name.compare(0, prefix.size(), prefix) == 0;
}

bool ends_with(const std::string& name, const std::string& suffix) {
  return name.size() >= suffix.size() &&
         name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
}

class GoldenModules : public ::testing::TestWithParam<std::string> {
 protected:
  // Runs on each instruction set of this CPU; every test must compare something.
  template <typename Body>
  void on_each_isa(Body body) {
    for (Isa isa : kAllIsas) {
      if (isa > supported_isa()) continue;
      SCOPED_TRACE(std::string(to_string(isa)));
      const ScopedIsa scoped(isa);
      Bench bench(GetParam());
      EXPECT_GT(body(bench), 0) << "nothing was compared";
    }
  }
};

TEST_P(GoldenModules, TableEncoders) {
  on_each_isa([](Bench& bench) {
    int compared = 0;
    for (size_t t = 0; t < bench.types(); ++t) {
      const std::vector<float> want = bench.fixture.module_output("out.encoder." + bench.table(t));
      if (want.empty() || !bench.reached([&](const std::string& name) {
            return starts_with(name, "encoder." + bench.table(t) + ".");
          }))
        continue;
      const TableEncoder& encoder = bench.modules.encoders[t];
      TableEncoder::Context context = encoder.prepare(
          bench.step, table_values(bench.definition().statistics[t], (*bench.fixture.input().features)[t],
                                   bench.nodes(t).distinct, bench.arena));
      for (int64_t slot = 0; slot < context.slots.count; ++slot)
        encoder.forward_slot(bench.step, context, slot);
      const Matrix output = map_values(bench.step, context.output, encoder.output_map());
      EXPECT_EQ(output.size(), static_cast<int64_t>(want.size()));
      expect_match("encoder of " + bench.table(t), output.data, want, largest(want));
      ++compared;
    }
    return compared;
  });
}

// The temporal encoder, the shallow embeddings and the mark of a seed: what is added to the encoder's output,
// node by node.
TEST_P(GoldenModules, NodeVectors) {
  on_each_isa([](Bench& bench) {
    int compared = 0;
    for (size_t t = 0; t < bench.types(); ++t) {
      const std::vector<float> want = bench.fixture.module_output("out.input." + bench.table(t));
      if (want.empty() || !bench.reached([&](const std::string& name) {
            return starts_with(name, "temporal." + bench.table(t) + ".") ||
                   starts_with(name, "shallow." + bench.table(t) + ".") || starts_with(name, "id_awareness.");
          }))
        continue;
      const NodeBlock& block = bench.nodes(t);
      const Matrix rows = bench.matrix(bench.fixture.module_output("out.encoder." + bench.table(t)));
      Matrix time;
      if (bench.modules.temporal_of[t] >= 0) {
        const TemporalEncoder& temporal =
            bench.modules.temporal[static_cast<size_t>(bench.modules.temporal_of[t])];
        time = map_values(
            bench.step,
            temporal.encode(bench.step, block.delta_s.data(), static_cast<int64_t>(block.delta_s.size())),
            temporal.map());
      }
      const int shallow = bench.modules.shallow_of[t];
      std::vector<float> got;
      for (size_t i = 0; i < block.row.size(); ++i)
        for (int64_t c = 0; c < bench.channels(); ++c) {
          float value = rows.row(block.row[i])[c];
          if (time.data != nullptr) value += time.row(block.delta[i])[c];
          if (shallow >= 0)
            value += bench.step.value(bench.modules.shallow[static_cast<size_t>(
                shallow)])[int64_t{block.distinct[static_cast<size_t>(block.row[i])]} * bench.channels() + c];
          if (!bench.modules.id_awareness.empty() && static_cast<int64_t>(i) < block.hop_end[0])
            value += bench.step.value(bench.modules.id_awareness[0])[c];
          got.push_back(value);
        }
      EXPECT_EQ(got.size(), want.size());
      if (got.size() != want.size()) continue;
      expect_match("vectors of " + bench.table(t), got.data(), want, largest(want));
      ++compared;
    }
    return compared;
  });
}

TEST_P(GoldenModules, MessagePassingLayers) {
  on_each_isa([](Bench& bench) {
    const ModelConfig& config = bench.definition().config;
    const std::vector<ConvEdges> edges = bench.edges();
    std::vector<Csr> groups;
    for (size_t t = 0; t < bench.types(); ++t)
      groups.push_back(transpose_gather(bench.nodes(t).seed.data(), bench.nodes(t).nodes(),
                                        bench.fixture.input().batch->seeds, bench.arena));
    std::vector<ConstMatrix> inputs, own(bench.types());
    int compared = 0;
    for (int64_t l = 0; l < config.gnn_layers; ++l) {
      const Modules::Layer& layer = bench.modules.layers[static_cast<size_t>(l)];
      inputs.clear();
      std::vector<int64_t> targets;
      for (size_t t = 0; t < bench.types(); ++t) {
        const std::vector<int64_t>& hop_end = bench.nodes(t).hop_end;
        const auto within = [&](int64_t hops) {
          if (config.gnn_norm != Norm::kLayer || reads_targets(bench.definition().readout))
            return hop_end.back();
          return hop_end[static_cast<size_t>(std::min(hops, static_cast<int64_t>(hop_end.size()) - 1))];
        };
        const std::string input = l == 0 ? "out.input." : "out.layer." + std::to_string(l - 1) + ".";
        const Matrix given = bench.matrix(bench.fixture.module_output(input + bench.table(t)));
        // A norm over all nodes needs rows that a fixture's middle layer leaves out: our own, there.
        inputs.push_back(given.rows >= within(config.gnn_layers - l) ? ConstMatrix(given) : own[t]);
        targets.push_back(within(config.gnn_layers - 1 - l));
      }
      std::vector<NodeVectors> vectors;
      for (const ConstMatrix& input : inputs) vectors.push_back({input.rows, {{input}}});
      const HeteroConv::Context conv = layer.conv.forward(bench.step, vectors, edges, targets, {});
      for (size_t t = 0; t < bench.types(); ++t) {
        own[t] = inputs[t].slice(0, std::min(targets[t], inputs[t].rows));
        if (!layer.conv.has_incoming(static_cast<int64_t>(t))) continue;
        own[t] = layer.norms[t]
                     .forward(bench.step, conv.outputs[t], groups[t], bench.fixture.input().batch->seeds)
                     .output;
        const std::string prefix = "gnn." + std::to_string(l) + ".", into = "." + bench.table(t);
        const std::vector<float> want = bench.fixture.module_output("out.layer." + std::to_string(l) + into);
        if (want.empty() || !bench.reached([&](const std::string& name) {
              return starts_with(name, prefix) &&
                     (name.find("norm" + into + ".") != std::string::npos ||
                      ends_with(name, into + ".neighbour.weight") ||
                      ends_with(name, into + ".neighbour.bias") || ends_with(name, into + ".root.weight"));
            }))
          continue;
        EXPECT_LE(static_cast<int64_t>(want.size()), own[t].size());
        if (static_cast<int64_t>(want.size()) > own[t].size()) continue;
        expect_match("layer " + std::to_string(l) + into, own[t].data, want, largest(want));
        ++compared;
      }
    }
    EXPECT_GE(compared, config.gnn_layers);
    return compared;
  });
}

TEST_P(GoldenModules, HeadsAndLoss) {
  on_each_isa([](Bench& bench) {
    const GoldenFixture& fixture = bench.fixture;
    const auto run = [&](const std::vector<MlpHead>& heads, const std::vector<float>& vectors,
                         const std::vector<float>& want) {
      if (heads.empty()) return Matrix();
      const Matrix output = heads[0].forward(bench.step, bench.matrix(vectors)).output;
      EXPECT_EQ(output.size(), static_cast<int64_t>(want.size()));
      expect_match("head", output.data, want, largest(want));
      return output;
    };
    const Matrix seeds = run(bench.modules.seed_head, fixture.seed_vectors(), fixture.outputs().seeds);
    const Matrix targets =
        run(bench.modules.target_head, fixture.target_vectors(), fixture.outputs().targets);
    const auto like = [&](Matrix m) { return new_matrix(bench.arena, m.rows, m.cols); };
    const Matrix scored = seeds.data != nullptr ? seeds : targets;
    const LossTargets labels = fixture.targets();
    const double loss = fixture.loss() == LossKind::kBpr ? bpr_loss(seeds, labels.pairs, like(seeds))
                        : fixture.loss() == LossKind::kFusion
                            ? fusion_loss(seeds, targets, labels.pairs, like(seeds), like(targets))
                            : loss_and_gradient(fixture.loss(), scored.rows, scored.cols, scored.data, labels,
                                                like(scored).data);
    EXPECT_NEAR(loss, fixture.loss_value(), kGoldenTolerance * std::fabs(fixture.loss_value()));
    return 1;
  });
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenModules, ::testing::ValuesIn(golden_cases()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace rle
