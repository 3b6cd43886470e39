// From key values to rows: one index per primary or candidate key, and the join of a column of values against
// it. Integers are found in a direct array where their range is small, else by open addressing; strings by
// the codes of their pool, so that a string is compared once per distinct value and never per row.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "table/column.h"

namespace rle {

// Immutable after construction; thread-safe to read. Keeps the column's pool alive, not its table.
class KeyIndex {
 public:
  // Error{kSpec}: the column is neither integer nor string. Error{kData}: a value that occurs twice, or a
  // null where `allow_null` is not set, with the positions of the rows in their source, counted from 1.
  KeyIndex(const Table& table, const Column& column, bool allow_null);
  KeyIndex() = default;  // of nothing, to be filled from a snapshot

  const std::string& column() const { return column_; }
  PhysicalType type() const { return type_; }
  bool matches(PhysicalType type) const { return type == type_; }

  // The row whose key is `value`, or kNoNode. Integer keys only.
  NodeId find(int64_t value) const {
    if (slots_.empty()) {
      const uint64_t place = static_cast<uint64_t>(value) - static_cast<uint64_t>(first_value_);
      return place < direct_.size() ? direct_[place] : kNoNode;
    }
    for (uint64_t place = slot_of(value);; ++place) {
      const Slot& slot = slots_[place & mask_];
      if (slot.node == kNoNode || slot.key == value) return slot.node;
    }
  }

  // For each code of `pool` the row whose key is that string, or kNoNode. String keys only.
  std::vector<NodeId> rows_of_codes(const StringPool& pool) const;

  static auto members(auto& self) {
    return std::tie(self.column_, self.type_, self.first_value_, self.direct_, self.slots_, self.mask_,
                    self.shift_, self.strings_);
  }

 private:
  struct Slot {
    int64_t key = 0;
    NodeId node = kNoNode;
    uint32_t unused = 0;  // so that all bytes are told
  };

  uint64_t slot_of(int64_t value) const {
    return (static_cast<uint64_t>(value) * 0x9e3779b97f4a7c15ull) >> shift_;
  }
  void index_integers(const Table& table, const Column& column);
  void index_narrow(const Table& table, const Column& column, uint64_t range);
  void index_wide(const Table& table, const Column& column, uint64_t capacity);
  void index_strings(const Table& table, const Column& column);

  std::string column_;
  PhysicalType type_ = PhysicalType::kInt64;
  int64_t first_value_ = 0;
  Array<NodeId> direct_;  // integers: by value - first_value_; strings: by code
  Array<Slot> slots_;     // integers of a wide range
  uint64_t mask_ = 0;
  int shift_ = 63;
  std::shared_ptr<const StringPool> strings_;
};

// A column of values about to be joined. Borrows the index and the column; thread-safe.
class KeyProbe {
 public:
  // The types must match (KeyIndex::matches).
  KeyProbe(const KeyIndex& index, const Column& values);

  // The row of the index whose key is the value in `row`; kNoNode for a null and for a value that occurs
  // nowhere.
  NodeId at(int64_t row) const {
    if (values_.is_null(row)) return kNoNode;
    return strings_ ? by_code_[static_cast<size_t>(values_.codes[static_cast<size_t>(row)])]
                    : index_.find(values_.ints[static_cast<size_t>(row)]);
  }

 private:
  const KeyIndex& index_;
  const Column& values_;
  bool strings_;
  std::vector<NodeId> by_code_;
};

// A key value as it stands in messages: 5, 'abc'.
std::string key_text(const Column& column, int64_t row);

}  // namespace rle
