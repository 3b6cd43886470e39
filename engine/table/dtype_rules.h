// Which physical types may carry which dtype, and the rule that infers a dtype from values (docs/dtypes.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "table/column.h"

namespace rle {

inline constexpr int64_t kInferenceSample =
    10'000;  // values looked at, spread evenly over the visible present ones
inline constexpr int64_t kFewValues =
    10;  // at most so many distinct values make a category of repeated values
inline constexpr int64_t kIntegerRepeats = 10;     // integers: each distinct value so many times on average
inline constexpr int64_t kStringRepeats = 2;       // strings: likewise, while there are few
inline constexpr int64_t kManyStringRepeats = 20;  // strings: likewise, when there are more than kFewValues

// The dtypes that a column of this physical type can be declared as, the most natural first.
const std::vector<Dtype>& possible_dtypes(PhysicalType type);
bool can_carry(PhysicalType type, Dtype dtype);

// Error{kSpec} naming table, column, its type and the dtypes that would do.
void check_can_carry(const Table& table, const Column& column, Dtype dtype);

struct Inference {
  Dtype dtype;
  std::string reason;
};

// The dtype of a column from the rows in `sample` (not empty; each holds a value).
Inference infer_dtype(const Column& column, const std::vector<int64_t>& sample);

}  // namespace rle
