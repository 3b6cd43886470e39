#include "train/dataset_snapshots.h"

#include <algorithm>

namespace rle {
namespace {

bool has_key(const Table& table) { return table.source_place != 0; }

// decides: what the statistics come from.
SnapshotKey key_of_features(const Table& table, std::optional<int64_t> until_us, const auto& decides) {
  const uint64_t place = checksum_of(table.source_place, table.schema, until_us, decides);
  return {"features", fmt::format("the features of table '{}'", table.schema.name), place,
          checksum_of(place, table.source_content)};
}

}  // namespace

SnapshotKey graph_key(const std::vector<Table>& tables, std::optional<int64_t> until_us) {
  MemberChecksum place, content;
  for (const Table& table : tables) {
    place.number(checksum_of(table.source_place, table.schema));
    content.number(table.source_content);
  }
  const uint64_t whole = checksum_of(place.value(), until_us);
  return {"graph", "the graph", whole, checksum_of(whole, content.value())};
}

SnapshotKey features_key(const Table& table, std::optional<int64_t> until_us, const Visibility& visibility) {
  return key_of_features(table, until_us, visibility);
}

SnapshotKey features_key(const Table& table, std::optional<int64_t> until_us,
                         const TableStatistics& statistics) {
  return key_of_features(table, until_us, statistics);
}

Graph kept_graph(const std::vector<Table>& tables, const SnapshotUse& use, ThreadPool& pool, Report& report) {
  const auto build = [&](Report& lines) { return Graph::build(tables, pool, lines); };
  if (use.snapshots == nullptr || !std::all_of(tables.begin(), tables.end(), has_key)) return build(report);
  return use.snapshots->keep(graph_key(tables, use.until_us), build);
}

TableFeatures kept_features(const Table& table, const Visibility& visibility, const SnapshotUse& use,
                            Report& report) {
  const auto make = [&](Report& lines) {
    return TableFeatures(table, fit_statistics(table, visibility, lines));
  };
  if (use.snapshots == nullptr || !has_key(table)) return make(report);
  return use.snapshots->keep(features_key(table, use.until_us, visibility), make);
}

TableFeatures kept_features(const Table& table, const TableStatistics& statistics, const SnapshotUse& use) {
  if (use.snapshots == nullptr || !has_key(table)) return TableFeatures(table, statistics);
  return use.snapshots->keep(features_key(table, use.until_us, statistics),
                             [&](Report&) { return TableFeatures(table, statistics); });
}

}  // namespace rle
