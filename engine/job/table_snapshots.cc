#include "job/table_snapshots.h"

#include "base/error.h"

namespace rle {
namespace {
namespace fs = std::filesystem;

uint64_t checksum_of_file(const fs::path& file) {
  const FileChecksum sum = checksum_file(file);
  return checksum_of(sum.bytes, sum.checksum);
}

}  // namespace

bool TableSnapshots::is_still(const Content& content, const std::string& source) {
  try {
    Content now;
    for (const fs::path& file : reader_.files(source))
      now.emplace_back(file.string(), checksum_of_file(file));
    return now == content;
  } catch (const std::exception&) {  // one is gone, or can't be read any more
    return false;
  }
}

SnapshotKey TableSnapshots::key(const TableSchema& schema, const std::vector<std::string>& columns,
                                const std::vector<std::string>& times) {
  SnapshotKey key{"table", fmt::format("table '{}'", schema.name)};
  if (const std::string computed = reader_.computed(schema.source); !computed.empty()) {
    report_.info(
        "table '{}': its source is {}, which the file's bytes do not decide: no snapshot is kept of it, nor "
        "of the graph",
        schema.name, computed);
    return key;
  }
  Content content;
  std::vector<std::string> names;
  MemberChecksum checksum;
  for (const fs::path& file : reader_.files(schema.source)) {
    const auto [known, added] = checksums_.try_emplace(file.string(), 0);
    if (added) known->second = checksum_of_file(file);
    checksum.number(known->second);
    names.push_back(known->first);
    content.push_back(*known);
  }
  key.place = checksum_of(kSnapshotFormat, std::string(RLE_VERSION), library_, schema, columns, times, names);
  key.content = checksum_of(key.place, checksum.value());
  contents_[key.place] = std::move(content);
  return key;
}

Table TableSnapshots::read(const SnapshotKey& key, const TableSchema& schema,
                           const std::vector<std::string>& columns, const std::vector<std::string>& times,
                           const CancelToken* cancel) {
  const auto make = [&](Report& report) {
    Table table = reader_.read(schema, columns, times, report, cancel);
    sort_canonically(table);
    return table;
  };
  if (key.place == 0) return make(report_);
  bool changed = false;
  const auto unchanged = [&] {
    changed = !is_still(contents_.at(key.place), schema.source);
    if (changed)
      report_.warning("table '{}': its files changed while they were read: no snapshot is kept of it",
                      schema.name);
    return !changed;
  };
  Table table = folder_.keep(key, make, unchanged);
  table.schema = schema;
  if (changed) return table;
  table.source_place = key.place;
  table.source_content = key.content;
  return table;
}

}  // namespace rle
