// What a dataset is made of, from the folder of snapshots where there is one.
#pragma once

#include <optional>
#include <vector>

#include "base/report.h"
#include "base/snapshot_folder.h"
#include "base/thread_pool.h"
#include "graph/graph.h"
#include "table/features.h"

namespace rle {

// The tables' rows end at until_us (drop_rows_after). snapshots: nullptr: none; used for tables that know
// what they came from.
struct SnapshotUse {
  SnapshotFolder* snapshots = nullptr;
  std::optional<int64_t> until_us;
};

// What the graph and a table's features are kept as; content 0: not known yet. Schema and source_place of the
// tables are looked at.
SnapshotKey graph_key(const std::vector<Table>& tables);
SnapshotKey features_key(const Table& table);

// As Graph::build.
Graph kept_graph(const std::vector<Table>& tables, const SnapshotUse& use, ThreadPool& pool, Report& report);

// As fit_statistics and TableFeatures.
TableFeatures kept_features(const Table& table, const Visibility& visibility, const SnapshotUse& use,
                            Report& report);
// With the statistics of a trained model.
TableFeatures kept_features(const Table& table, const TableStatistics& statistics, const SnapshotUse& use);

}  // namespace rle
