// Tables between runs: read, typed and sorted once, then mapped from a folder instead of being read again. A
// source is known by the bytes of its files: whoever changes one of them, whatever its time and size, has
// another source.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/snapshot_folder.h"
#include "ingest/source.h"

namespace rle {

// Borrows all of it. One thread.
class TableSnapshots {
 public:
  TableSnapshots(SnapshotFolder& folder, SourceReader& reader, Report& report)
      : folder_(folder), reader_(reader), report_(report), library_(reader.library_version()) {}

  // place 0: the files do not decide the rows (a view), so that nothing of the table is kept; told.
  SnapshotKey key(const TableSchema& schema, const std::vector<std::string>& columns,
                  const std::vector<std::string>& times);
  // The key's table in canonical order. Where its files changed after key() looked at them, it knows no
  // source (source_place 0): nothing is kept under a key that is of other bytes. Errors as
  // SourceReader::read.
  Table read(const SnapshotKey& key, const TableSchema& schema, const std::vector<std::string>& columns,
             const std::vector<std::string>& times, const CancelToken* cancel);

 private:
  // The files' paths and checksums, in order.
  using Content = std::vector<std::pair<std::string, uint64_t>>;

  bool is_still(const Content& content, const std::string& source);

  SnapshotFolder& folder_;
  SourceReader& reader_;
  Report& report_;
  std::string library_;                        // its version: another one may read other rows
  std::map<std::string, uint64_t> checksums_;  // of files, as they were when first asked for
  std::map<uint64_t, Content> contents_;       // by the key's place
};

}  // namespace rle
