// Typed columns as read from a source, before any encoding. Strings are dictionary-encoded against a sorted
// pool, so that codes compare like the strings they stand for and do not depend on the order of rows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/array.h"
#include "table/schema.h"

namespace rle {

// Sorted distinct strings (byte order), immutable; shared by the columns that use it.
class StringPool {
 public:
  StringPool() = default;
  // Takes strings that are sorted and distinct.
  explicit StringPool(const std::vector<std::string_view>& sorted);

  int64_t size() const { return static_cast<int64_t>(offsets_.size()) - 1; }
  std::string_view at(int64_t code) const {
    const int64_t* ends = offsets_.data() + code;
    return {bytes_.data() + ends[0], static_cast<size_t>(ends[1] - ends[0])};
  }
  // The code of a string, or -1.
  int32_t find(std::string_view text) const;

  static auto members(auto& self) { return std::tie(self.bytes_, self.offsets_); }

 private:
  Array<char> bytes_;
  Array<int64_t> offsets_{0};
};

enum class PhysicalType {
  kInt64,       // all integers, booleans as 0/1, decimals of scale 0
  kFloat64,     // floats, decimals with a scale
  kTimestamp,   // dates, timestamps, times of day (on 1970-01-01): microseconds UTC
  kString,      // codes into strings
  kIntList,     // offsets, ints
  kStringList,  // offsets, codes into strings
  kFloatList,   // offsets, floats32
};

std::string_view to_string(PhysicalType type);

// Owns its values. `valid` is empty where no row is null; else one byte a row, 1 = present.
// Null rows hold 0 (scalars, code 0) or an empty list.
struct Column {
  std::string name;
  PhysicalType type = PhysicalType::kInt64;
  std::string
      arrow_format;  // the source's, as in the Arrow C data interface ("i", "tdD"), for writing back in kind
  int64_t rows = 0;
  Array<uint8_t> valid;
  Array<int64_t> ints;                        // kInt64, kTimestamp: one a row; kIntList: elements
  Array<double> floats;                       // kFloat64: one a row
  Array<int32_t> codes;                       // kString: one a row; kStringList: elements
  Array<float> floats32;                      // kFloatList: elements
  Array<int64_t> offsets;                     // lists: rows + 1
  std::shared_ptr<const StringPool> strings;  // kString, kStringList

  static auto members(auto& self) {
    return std::tie(self.name, self.type, self.arrow_format, self.rows, self.valid, self.ints, self.floats,
                    self.codes, self.floats32, self.offsets, self.strings);
  }

  bool is_null(int64_t row) const { return !valid.empty() && valid[static_cast<size_t>(row)] == 0; }
  int64_t null_count() const;
  // The value as a person would write it; "null" where it is.
  std::string display(int64_t row) const;
  // Three-way comparison of two rows of this column, nulls last. Floats: NaN after numbers. Lists:
  // lexicographic.
  int compare(int64_t a, int64_t b) const;
  // The rows of `order`, in that order.
  Column permuted(const std::vector<int64_t>& order) const;
  // Keeps the first `count` rows; nothing is copied.
  void truncate(int64_t count);
};

// A table as read: its schema and the columns in use. `source_rows[i]` is the position in the source of row
// i; empty means that rows still lie in the source's order.
struct Table {
  TableSchema schema;
  int64_t rows = 0;
  std::vector<Column> columns;
  Array<int64_t> source_rows;
  // Checksums of what the table is and of what it was made from, where snapshots are kept; 0: not known.
  uint64_t source_place = 0, source_content = 0;

  // All but the schema, which the specification gives.
  static auto members(auto& self) { return std::tie(self.rows, self.columns, self.source_rows); }

  const Column* find(std::string_view name) const;  // nullptr where absent
  const Column& at(std::string_view name) const;    // Error{kInternal} where absent
  std::vector<std::string> column_names() const;
  int64_t source_row(int64_t row) const {
    return source_rows.empty() ? row : source_rows[static_cast<size_t>(row)];
  }
};

// Sorts the rows into canonical order: (time, key, then every other column by name), nulls last, so that what
// follows does not depend on the order in which the source returned them. Sets source_rows.
void sort_canonically(Table& table);

}  // namespace rle
