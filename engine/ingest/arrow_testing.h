// For tests: Arrow arrays laid out by hand.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "ingest/arrow_abi.h"

namespace rle::ingest {

// An array and its schema over borrowed buffers.
struct Field {
  ArrowSchema schema{};
  ArrowArray array{};
  std::vector<const void*> buffers;
  ArrowSchema* child_schema = nullptr;
  ArrowArray* child_array = nullptr;

  Field(const char* format, int64_t length, std::vector<const void*> data, int64_t offset = 0)
      : buffers(std::move(data)) {
    schema.format = format;
    schema.name = "c";
    array.length = length;
    array.null_count = -1;
    array.offset = offset;
    array.n_buffers = static_cast<int64_t>(buffers.size());
    array.buffers = buffers.data();
  }
  Field(const Field&) = delete;
  void child(Field& item) {
    child_schema = &item.schema;
    child_array = &item.array;
    schema.n_children = array.n_children = 1;
    schema.children = &child_schema;
    array.children = &child_array;
  }
  void dictionary(Field& values) {
    schema.dictionary = &values.schema;
    array.dictionary = &values.array;
  }
};

}  // namespace rle::ingest
