// Tables between runs: read, typed and sorted once, then mapped from a folder instead of being read again. A
// source is known by the bytes of its files: whoever changes one of them, whatever its time and size, has
// another source.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/snapshot_folder.h"
#include "ingest/source.h"

namespace rle {

// Borrows all of it. One thread.
class TableSnapshots {
 public:
  TableSnapshots(SnapshotFolder& folder, SourceReader& reader) : folder_(folder), reader_(reader) {}

  SnapshotKey key(const TableSchema& schema, const std::vector<std::string>& columns,
                  const std::vector<std::string>& times);
  // The key's table in canonical order. Errors as SourceReader::read.
  Table read(const SnapshotKey& key, const TableSchema& schema, const std::vector<std::string>& columns,
             const std::vector<std::string>& times, const CancelToken* cancel);

 private:
  uint64_t content_of(const std::vector<std::filesystem::path>& files);

  SnapshotFolder& folder_;
  SourceReader& reader_;
  std::map<std::filesystem::path, uint64_t> checksums_;  // of files, as they were when first asked for
};

}  // namespace rle
