// The best targets of each row of a label table, for link tasks. A row's targets are those that are visible
// at its time; two towers rank all of them, repeated links those inside the row's own sampled subgraph,
// fusion all: inside the subgraph by pair, outside by two towers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "task/ranked_targets.h"
#include "train/evaluate.h"

namespace rle {

// Scores: two towers: dot products; repeated links: probabilities; fusion: logits up to a constant of the
// row. Rows of one time are ranked together, as the targets' vectors at a time are the same for all of them:
// memory for (visible targets, channels), and time for as many subgraphs, each time. Errors as score_rows.
RankedTargets rank_links(RelationalModel& model, const Dataset& dataset, const LabelTable& labels,
                         const ScoreOptions& options, ThreadPool& pool);

// Vectors of nodes of one of the two ends at one time, (nodes, embedding_width), as RelationalModel::embed.
std::vector<float> link_vectors(RelationalModel& model, const Dataset& dataset, NodeTypeId type,
                                const std::vector<NodeId>& nodes, std::optional<int64_t> time_us,
                                const ScoreOptions& options, ThreadPool& pool);

// The targets that are visible at a time, in the order of their keys.
std::vector<NodeId> visible_targets(const Dataset& dataset, std::optional<int64_t> time_us);
int64_t count_visible(const Graph& graph, NodeTypeId type, std::optional<int64_t> time_us, bool current_time);

}  // namespace rle
