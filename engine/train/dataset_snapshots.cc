#include "train/dataset_snapshots.h"

#include <algorithm>

namespace rle {
namespace {

bool has_key(const Table& table) { return table.source_place != 0; }

SnapshotKey with_content(SnapshotKey key, uint64_t content) {
  key.content = checksum_of(key.place, content);
  return key;
}

}  // namespace

SnapshotKey graph_key(const std::vector<Table>& tables) {
  MemberChecksum place;
  for (const Table& table : tables) place.number(checksum_of(table.source_place, table.schema));
  return {"graph", "the graph", place.value()};
}

SnapshotKey features_key(const Table& table) {
  return {"features", fmt::format("the features of table '{}'", table.schema.name),
          checksum_of(table.source_place, table.schema)};
}

Graph kept_graph(const std::vector<Table>& tables, const SnapshotUse& use, ThreadPool& pool, Report& report) {
  const auto build = [&](Report& lines) { return Graph::build(tables, pool, lines); };
  MemberChecksum content;
  for (const Table& table : tables) content.number(table.source_content);
  if (use.snapshots == nullptr || !std::all_of(tables.begin(), tables.end(), has_key)) return build(report);
  return use.snapshots->keep(with_content(graph_key(tables), checksum_of(content.value(), use.until_us)),
                             build);
}

TableFeatures kept_features(const Table& table, const Visibility& visibility, const SnapshotUse& use,
                            Report& report) {
  const auto make = [&](Report& lines) {
    return TableFeatures(table, fit_statistics(table, visibility, lines));
  };
  if (use.snapshots == nullptr || !has_key(table)) return make(report);
  return use.snapshots->keep(
      with_content(features_key(table), checksum_of(table.source_content, use.until_us, visibility)), make);
}

TableFeatures kept_features(const Table& table, const TableStatistics& statistics, const SnapshotUse& use) {
  if (use.snapshots == nullptr || !has_key(table)) return TableFeatures(table, statistics);
  return use.snapshots->keep(
      with_content(features_key(table), checksum_of(table.source_content, use.until_us, statistics)),
      [&](Report&) { return TableFeatures(table, statistics); });
}

}  // namespace rle
