// One summand of a sum over lists of rows: plain data that kernels of every instruction set read.
#pragma once

#include <cstdint>

namespace rle {

// For list i: scale[i] * sum of x's rows index[offsets[i] .. offsets[i+1]).
struct ListTerm {
  const float* x = nullptr;          // rows, as far apart as those of the output
  const int32_t* offsets = nullptr;  // nullptr: one row a list, index[i]; -1: none
  const int32_t* index = nullptr;    // nullptr (offsets too): row 0 for every list
  const float* scale = nullptr;      // per list; nullptr: 1
  bool scale_by_index = false;       // scale belongs to the rows of x, not to the lists (transposed lists)
  int64_t limit = INT64_MAX;         // rows of x from here on are left out; the lists must ascend
};

}  // namespace rle
