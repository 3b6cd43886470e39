// The typed model configuration: TrainerConfig's GNN, head and temporal settings and what docs/model.md adds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/precision.h"

namespace rle {

enum class Aggregation { kMean, kMax, kSum };
enum class Norm { kBatch, kLayer, kInstance };

struct ModelConfig {
  int64_t channels = 128;      // even
  int64_t encoder_blocks = 2;  // residual blocks per table; 0 allowed
  double dropout = 0.2;        // inside the residual blocks
  int64_t gnn_layers = 2;      // resolved: gnn_layers, or the number of fanouts
  Aggregation conv_aggregation = Aggregation::kMean;
  Aggregation hetero_conv_aggregation = Aggregation::kSum;
  Norm gnn_norm = Norm::kLayer;
  int64_t head_layers = 1;
  Norm head_norm = Norm::kBatch;  // batch or layer
  bool use_temporal_encoder = true;
  std::vector<std::string> shallow_embeddings;  // table names
  bool id_awareness = false;                    // a learned vector marks each seed in its own subgraph
  // link_prediction: pairwise scores for targets inside the seed's subgraph, two towers for all others
  bool link_fusion = false;
  Precision precision = Precision::kFp32;  // of the large products; decides no shape
};

}  // namespace rle
