// Views of a column's values that inference, statistics and encoding share, so that all three agree on what a
// null is, how a number is written and which text is a time.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "table/column.h"

namespace rle {

// An unsigned key that sorts like the value of a present row of a scalar column: integers and times by value,
// strings by their codes, floats by value with -0 before 0 and NaN last.
uint64_t order_key(const Column& column, int64_t row);

// kInt64 read from an Arrow boolean.
inline bool is_boolean(const Column& column) {
  return column.type == PhysicalType::kInt64 && column.arrow_format == "b";
}

// Shortest decimal text that reads back as the same double: "3", "0.1", "1e+22".
std::string number_text(double value);

// The whole text as a number; anything else: nullopt.
std::optional<int64_t> parse_integer(std::string_view text);
std::optional<double> parse_number(std::string_view text);

// The number in a row of a kInt64 or kFloat64 column; NaN where it is null.
inline double number_at(const Column& column, int64_t row) {
  if (column.is_null(row)) return std::numeric_limits<double>::quiet_NaN();
  return column.type == PhysicalType::kInt64 ? static_cast<double>(column.ints[static_cast<size_t>(row)])
                                             : column.floats[static_cast<size_t>(row)];
}

// The elements of a list row: [begin, end) of the column's element array.
struct ElementRange {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};
inline ElementRange elements_at(const Column& column, int64_t row) {
  return {column.offsets[static_cast<size_t>(row)], column.offsets[static_cast<size_t>(row) + 1]};
}

// An element of a kFloatList or kIntList column as float32.
inline float list_number(const Column& column, int64_t element) {
  return column.type == PhysicalType::kFloatList
             ? column.floats32[static_cast<size_t>(element)]
             : static_cast<float>(column.ints[static_cast<size_t>(element)]);
}

// Times of a kTimestamp column, or of a kString column of ISO texts (each distinct text is parsed once).
// Borrows the column.
class TimeValues {
 public:
  explicit TimeValues(const Column& column);
  // The time in a row; nullopt where it is null or no time.
  std::optional<int64_t> at(int64_t row) const {
    if (column_.is_null(row)) return std::nullopt;
    if (column_.type == PhysicalType::kTimestamp) return column_.ints[static_cast<size_t>(row)];
    return parsed_[static_cast<size_t>(column_.codes[static_cast<size_t>(row)])];
  }

 private:
  const Column& column_;
  std::vector<std::optional<int64_t>> parsed_;  // per code
};

// Whether a row holds a value that an encoding can use: present, numbers finite, lists not empty.
bool has_finite_value(const Column& column, int64_t row);

}  // namespace rle
