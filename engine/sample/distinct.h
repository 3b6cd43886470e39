// Distinct values of a batch, ascending, and where each element of the batch lies among them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "sample/first_seen.h"

namespace rle {

// Distinct numbers of a small range, by one byte and one rank a number of the range. Owned by one workspace;
// not thread-safe.
class DistinctInRange {
 public:
  static constexpr int64_t kMostRange = 1 << 17;

  // The numbers are in [0, range). Replaces each by its index into `distinct`.
  void index(int64_t range, std::vector<int32_t>& numbers, std::vector<NodeId>& distinct);

 private:
  std::vector<uint64_t> marks_;  // a byte a number; all zero between calls
  std::vector<int32_t> rank_;
  std::vector<NodeId> found_;
};

// Distinct node ids: as above where the table is small, else by a bitmap over its rows; a second bitmap of
// its words keeps the cost at that of the batch's ids. Owned by one workspace, one per node type; not
// thread-safe.
class DistinctRows {
 public:
  // `rows` holds node ids (their 32 bits); replaces each by its index into `distinct`.
  void index(int64_t table_rows, std::vector<int32_t>& rows, std::vector<NodeId>& distinct);

 private:
  void index_large(int64_t table_rows, std::vector<int32_t>& rows, std::vector<NodeId>& distinct);

  struct Word {
    uint64_t bits = 0;
    uint32_t rank = 0;  // ids in the words before it
  };

  DistinctInRange small_;
  std::vector<Word> words_;
  std::vector<uint64_t> touched_;
};

// Distinct 64-bit values: found by hash, then radix sorted. Owned by one workspace, one per node type; not
// thread-safe.
class DistinctValues {
 public:
  // Calls come in three steps: start, one `add` a value (at most `most`), finish.
  void start(int64_t most);
  // The provisional index of the value.
  int32_t add(int64_t value) {
    const int32_t fresh = static_cast<int32_t>(values_.size());
    const int32_t place = found_.insert(static_cast<uint64_t>(value), fresh);
    if (place == fresh) values_.push_back(value);
    return place;
  }
  // `sorted` gets the values, ascending; `index` turns from provisional indices into indices of `sorted`.
  void finish(std::vector<int32_t>& index, std::vector<int64_t>& sorted);

 private:
  struct Ranked {
    uint64_t value;
    int32_t place;
  };

  FirstSeen found_;
  std::vector<int64_t> values_;
  std::vector<Ranked> ranked_, other_;
  std::vector<int32_t> rank_;
};

}  // namespace rle
