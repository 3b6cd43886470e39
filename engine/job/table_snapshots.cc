#include "job/table_snapshots.h"

#include <algorithm>

#include "base/error.h"

namespace rle {
namespace {
namespace fs = std::filesystem;

uint64_t checksum_of_file(const fs::path& file) {
  const FileChecksum sum = checksum_file(file);
  return checksum_of(sum.bytes, sum.checksum);
}

}  // namespace

uint64_t TableSnapshots::content_of(const std::vector<fs::path>& files) {
  MemberChecksum sum;
  for (const fs::path& file : files) {
    const auto [known, added] = checksums_.try_emplace(file, 0);
    if (added) known->second = checksum_of_file(file);
    sum.number(known->second);
  }
  return sum.value();
}

SnapshotKey TableSnapshots::key(const TableSchema& schema, const std::vector<std::string>& columns,
                                const std::vector<std::string>& times) {
  const std::vector<fs::path> files = reader_.files(schema.source);
  std::vector<std::string> names;
  for (const fs::path& file : files) names.push_back(file.string());
  const uint64_t place = checksum_of(std::string(RLE_VERSION), schema, columns, times, names);
  return {"table", fmt::format("table '{}'", schema.name), place, checksum_of(place, content_of(files))};
}

Table TableSnapshots::read(const SnapshotKey& key, const TableSchema& schema,
                           const std::vector<std::string>& columns, const std::vector<std::string>& times,
                           const CancelToken* cancel) {
  const auto make = [&](Report& report) {
    Table table = reader_.read(schema, columns, times, report, cancel);
    sort_canonically(table);
    return table;
  };
  const auto unchanged = [&] {
    const std::vector<fs::path> files = reader_.files(schema.source);
    return std::all_of(files.begin(), files.end(), [&](const fs::path& file) {
      const auto before = checksums_.find(file);
      return before != checksums_.end() && before->second == checksum_of_file(file);
    });
  };
  Table table = folder_.keep(key, make, unchanged);
  table.schema = schema;
  table.source_place = key.place;
  table.source_content = key.content;
  return table;
}

}  // namespace rle
