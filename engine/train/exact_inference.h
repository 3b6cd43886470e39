// Scores without sampling: all rows of a label table that share a time are computed together over the whole
// visible graph, each layer once for each node that it is needed for (docs/model.md, exact inference).
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "model/relational_model.h"
#include "train/evaluate.h"

namespace rle {

// Rows of one time are taken in blocks of entities whose neighbourhoods have this many nodes together at
// most, unless one entity alone has more: it bounds memory, at about 8 KiB a node with 128 channels.
inline constexpr int64_t kExactBlockNodes = 1 << 17;

// As score_rows, with full neighbourhoods: options.sampler, seed and batch_size are not read. The result does
// not depend on block_nodes beyond rounding. Error{kSpec}: a model with instance norm, which is over each
// seed's own subgraph, or with id_awareness, which marks each seed in its own.
std::vector<double> score_rows_exactly(RelationalModel& model, const Dataset& dataset,
                                       const LabelTable& labels, const ScoreOptions& options,
                                       ThreadPool& pool, int64_t block_nodes = kExactBlockNodes);

// Appends what RelationalModel::embed gives for different nodes of a type at one time; returns what it does.
std::string vectors_exactly(RelationalModel& model, const Dataset& dataset, NodeTypeId type,
                            const std::vector<NodeId>& nodes, std::optional<int64_t> time_us,
                            ThreadPool& pool, std::vector<float>& out);

// Refuses, as score_rows_exactly does.
void check_exact_inference(const ModelConfig& config);

}  // namespace rle
