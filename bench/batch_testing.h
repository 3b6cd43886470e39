// For tests of batch files: what a batch of the sampler looks like in one.
#pragma once

#include <gtest/gtest.h>

#include "base/time.h"
#include "bench/batch_file.h"
#include "train/batch_loader.h"

namespace rle {

// In the order of the sampler. The data set keeps its source rows.
inline BatchFile file_of(const Dataset& dataset, const LoadedBatch& from) {
  BatchFile made;
  made.path = "made.safetensors";
  const GraphSchema& schema = dataset.graph.schema();
  for (size_t t = 0; t < from.batch.nodes.size(); ++t) {
    const NodeBlock& block = from.batch.nodes[t];
    BatchFile::Nodes& nodes = made.nodes.emplace_back();
    nodes.seed = block.seed;
    for (int32_t row : block.row)
      nodes.row.push_back(
          static_cast<int32_t>(dataset.source_rows[t][block.distinct[static_cast<size_t>(row)]]));
  }
  for (size_t e = 0; e < from.batch.edges.size(); ++e) {
    const EdgeBlock& block = from.batch.edges[e];
    BatchFile::Edges& edges = made.edges.emplace_back();
    edges.source = block.source;
    const NodeBlock& targets = from.batch.nodes[schema.edge_types[e].target.index()];
    for (int32_t target = 0; target < targets.nodes(); ++target)
      edges.target.insert(edges.target.end(),
                          static_cast<size_t>(block.offsets[static_cast<size_t>(target) + 1] -
                                              block.offsets[static_cast<size_t>(target)]),
                          target);
  }
  for (int64_t seed = 0; seed < from.seeds.size(); ++seed) {
    const auto at = static_cast<size_t>(seed);
    made.seed_row.push_back(
        static_cast<int32_t>(dataset.source_rows[from.seeds.type_of(seed).index()][from.seeds.nodes[at]]));
    made.seed_time_s.push_back(from.seeds.time_us[at] / kMicrosPerSecond);
  }
  made.targets = from.seeds.targets;
  made.label = from.value;
  made.positive = from.pairs.positive;
  made.negative = from.pairs.negative;
  return made;
}

inline void expect_equal(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.seeds, b.seeds);
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  ASSERT_EQ(a.edges.size(), b.edges.size());
  for (size_t t = 0; t < a.nodes.size(); ++t) {
    EXPECT_EQ(a.nodes[t].row, b.nodes[t].row);
    EXPECT_EQ(a.nodes[t].seed, b.nodes[t].seed);
    EXPECT_EQ(a.nodes[t].delta, b.nodes[t].delta);
    EXPECT_EQ(a.nodes[t].hop_end, b.nodes[t].hop_end);
    EXPECT_EQ(a.nodes[t].distinct, b.nodes[t].distinct);
    EXPECT_EQ(a.nodes[t].delta_s, b.nodes[t].delta_s);
  }
  for (size_t e = 0; e < a.edges.size(); ++e) {
    EXPECT_EQ(a.edges[e].offsets, b.edges[e].offsets);
    EXPECT_EQ(a.edges[e].source, b.edges[e].source);
  }
}

}  // namespace rle
