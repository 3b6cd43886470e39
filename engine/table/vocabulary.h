// Categories: from values to a vocabulary ordered by how often they occur, and back to positions in it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "table/column.h"

namespace rle {

// The values of the visible rows of a scalar column, or the elements of its lists, by falling count, ties by
// value (numbers by value, strings by bytes). Nulls and NaN or infinite numbers don't count; -0 is 0.
std::vector<std::string> count_vocabulary(const Column& column, const std::vector<uint8_t>& visible);

// Vocabulary position + 1 of each value of the column (scalars: one a row, lists: one an element); 0 = null
// or not in the vocabulary. Values match by their text, so a vocabulary of integers also serves floats with
// integral values.
std::vector<int32_t> vocabulary_codes(const Column& column, const std::vector<std::string>& vocabulary);

}  // namespace rle
