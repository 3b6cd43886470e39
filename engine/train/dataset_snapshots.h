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

// What the graph and a table's features are kept as. Of the tables their schema, source_place and
// source_content are looked at. All but the content decides the place: other tasks, models and times have
// snapshots of their own, and only other bytes of the sources replace one.
SnapshotKey graph_key(const std::vector<Table>& tables, std::optional<int64_t> until_us);
SnapshotKey features_key(const Table& table, std::optional<int64_t> until_us, const Visibility& visibility);
SnapshotKey features_key(const Table& table, std::optional<int64_t> until_us,
                         const TableStatistics& statistics);

// As Graph::build.
Graph kept_graph(const std::vector<Table>& tables, const SnapshotUse& use, ThreadPool& pool, Report& report);

// As fit_statistics and TableFeatures.
TableFeatures kept_features(const Table& table, const Visibility& visibility, const SnapshotUse& use,
                            Report& report);
// With the statistics of a trained model.
TableFeatures kept_features(const Table& table, const TableStatistics& statistics, const SnapshotUse& use);

}  // namespace rle
