// The relational model: column encoders and residual blocks per table, temporal encoding, heterogeneous
// message passing, head (docs/model.md). Put together from nn modules for one (graph schema, statistics,
// task, configuration).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "graph/graph.h"
#include "model/config.h"
#include "nn/loss.h"
#include "nn/parameter_store.h"
#include "nn/step.h"
#include "sample/batch.h"
#include "table/features.h"

namespace rle {

// Which vectors the head reads.
enum class Readout {
  kSeeds,    // of the seeds: node tasks
  kTowers,   // of the seeds of both types, through one head: link_prediction
  kTargets,  // of every node of the target type in the seeds' subgraphs: repeated_link_prediction
  kFusion    // both of the above, with a head each
};

constexpr bool has_towers(Readout readout) {
  return readout == Readout::kTowers || readout == Readout::kFusion;
}
constexpr bool reads_targets(Readout readout) {
  return readout == Readout::kTargets || readout == Readout::kFusion;
}

// All that decides the shapes and names of parameters. Equal definitions have equal parameters; stored in the
// checkpoint.
struct ModelDefinition {
  // Names and directions. Of the counts only `nodes` of types with shallow embeddings is used: how many
  // embeddings there are.
  GraphSchema graph;
  std::vector<TableStatistics> statistics;  // per node type; no columns: one constant feature
  NodeTypeId entity_type;
  bool task_has_time = true;  // false: temporal encoder off
  int64_t outputs = 1;        // of kSeeds; of links it follows from the readout
  Readout readout = Readout::kSeeds;
  NodeTypeId target_type;  // of links
  ModelConfig config;
};

// Width of ModelOutputs::seeds.
int64_t seed_outputs(const ModelDefinition& definition);
// Width of what `embed` gives.
int64_t embedding_width(const ModelDefinition& definition);

// Names and shapes of a definition's parameters, without memory for their values.
std::vector<ParameterStore::Entry> parameter_entries(const ModelDefinition& definition);

// What one batch holds, borrowed: the sampled subgraphs, and the features of their distinct rows, per node
// type.
struct ModelInput {
  const Batch* batch = nullptr;
  const std::vector<FeatureRows>* features = nullptr;  // per node type, rows = batch->nodes[t].distinct
  // Per node type and node: the row of the shallow embedding, or kNoNode: the zero vector. Empty for a type:
  // row n is node n's; nullptr: so for all types.
  const std::vector<std::vector<NodeId>>* shallow_rows = nullptr;
};

// What the heads give for a batch.
struct ModelOutputs {
  // (seeds, width) raw: logits or values. kTowers: vectors whose dot product is a pair's score; kFusion: one
  // column more, which of a source is added to the scores of its targets outside of its subgraph.
  std::vector<float> seeds;
  std::vector<float> targets;  // (nodes of the target type) kTargets, kFusion: logits
};

// How a training step ended.
struct StepResult {
  double loss = 0;
  bool finite = true;
  std::string
      first_not_finite;  // module whose output was the first that is not finite, where finite is false
};

// Owns parameters and the memory of a step. One thread drives it; it computes on the pool it is given.
class RelationalModel {
 public:
  RelationalModel(ModelDefinition definition, uint64_t seed);
  ~RelationalModel();

  const ModelDefinition& definition() const;
  ParameterStore& parameters();
  const ParameterStore& parameters() const;

  // The seeds' vectors before the head in the last predict or train_step: (seeds, channels). Empty where the
  // readout is kTargets.
  const std::vector<float>& embeddings() const;

  // Forward in training mode (dropout keyed by `dropout`), loss, backward. Gradients are set (not
  // accumulated). The loss of kTargets is over the nodes of the target type; without any it is 0.
  StepResult train_step(const ModelInput& input, LossKind loss, const LossTargets& targets, RngKey dropout,
                        ThreadPool& pool);

  // Forward in evaluation mode. Returns the first module whose output was not finite, where one of the
  // outputs is not; else "".
  std::string predict(const ModelInput& input, ThreadPool& pool, ModelOutputs& outputs);

  // The seeds' own vectors, (seeds, embedding_width): what enters the head; of kTowers and kFusion what
  // enters the dot product (kFusion: with the additional column). Else as predict.
  std::string embed(const ModelInput& input, ThreadPool& pool, std::vector<float>& vectors);

  // Tells `marks` (borrowed; nullptr: nobody) when parts of a training step end: "encoder forward", "temporal
  // forward", "message passing forward", "head and loss", "message passing backward", "encoder backward".
  void set_marks(StepMarks* marks);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rle
