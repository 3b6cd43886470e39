// The rows of one column as an Arrow array. Private to arrow_export*.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ingest/arrow_abi.h"
#include "table/column.h"

namespace rle::ingest {

// Buffers and children of an array until it is released; an empty buffer 0 means that nothing is null.
struct ExportedArray {
  std::vector<std::vector<uint8_t>> buffers;
  std::vector<ArrowArray> children;
  std::vector<const void*> buffer_pointers;
  std::vector<ArrowArray*> child_pointers;

  ~ExportedArray();
};

// Gives `array` to `out`, whose release frees it.
void hand_over(std::unique_ptr<ExportedArray> array, int64_t length, int64_t null_count, ArrowArray* out);

// Rows [begin, end) in the format that export_format names.
ArrowArray export_rows(const Column& column, int64_t begin, int64_t end);

}  // namespace rle::ingest
