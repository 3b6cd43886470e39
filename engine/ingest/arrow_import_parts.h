// The importers by kind, and what they share to look into Arrow arrays. Private to arrow_import*.cc.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "ingest/arrow_abi.h"
#include "ingest/arrow_import.h"
#include "ingest/arrow_type.h"

namespace rle::ingest {

__extension__ typedef __int128 Int128;

// A bitmap of an array: validity (absent: all set), or the values of booleans. Indexed from the array's
// offset.
class BitView {
 public:
  BitView(const void* bits, int64_t offset) : bits_(static_cast<const uint8_t*>(bits)), offset_(offset) {}
  bool present() const { return bits_ != nullptr; }
  bool operator[](int64_t i) const {
    const int64_t at = offset_ + i;
    return bits_ == nullptr || ((bits_[at >> 3] >> (at & 7)) & 1) != 0;
  }

 private:
  const uint8_t* bits_;
  int64_t offset_;
};

inline BitView validity_of(const ArrowArray& array) {
  const bool none = array.n_buffers == 0 || array.null_count == 0;
  return BitView(none ? nullptr : array.buffers[0], array.offset);
}

// The values of buffer 1, from the array's offset.
template <typename T>
const T* values_of(const ArrowArray& array) {
  return static_cast<const T*>(array.buffers[1]) + array.offset;
}

// Row i of an array of integers or booleans. Beyond the range of int64: negative.
inline int64_t integer_at(ArrowKind kind, const ArrowArray& array, int64_t i) {
  switch (kind) {
    case ArrowKind::kBool:
      return BitView(array.buffers[1], array.offset)[i] ? 1 : 0;
    case ArrowKind::kInt8:
      return values_of<int8_t>(array)[i];
    case ArrowKind::kUint8:
      return values_of<uint8_t>(array)[i];
    case ArrowKind::kInt16:
      return values_of<int16_t>(array)[i];
    case ArrowKind::kUint16:
      return values_of<uint16_t>(array)[i];
    case ArrowKind::kInt32:
      return values_of<int32_t>(array)[i];
    case ArrowKind::kUint32:
      return values_of<uint32_t>(array)[i];
    default:
      return values_of<int64_t>(array)[i];
  }
}

// The strings of an array of kind kUtf8, kLargeUtf8 or kUtf8View.
class StringsView {
 public:
  StringsView(const ArrowArray& array, ArrowKind kind) : array_(array), kind_(kind) {}
  std::string_view operator[](int64_t i) const;

 private:
  const ArrowArray& array_;
  ArrowKind kind_;
};

float half_to_float(uint16_t half);
// The nearest double to value / 10^scale (within a rounding of the division).
double decimal_to_double(Int128 value, int scale);
std::string to_text(Int128 value);

std::unique_ptr<ColumnImporter> make_number_importer(const ArrowSchema& schema, ImportOptions options);
std::unique_ptr<ColumnImporter> make_time_importer(const ArrowSchema& schema, ImportOptions options);
std::unique_ptr<ColumnImporter> make_string_importer(const ArrowSchema& schema, ImportOptions options);
std::unique_ptr<ColumnImporter> make_list_importer(const ArrowSchema& schema, ImportOptions options);

}  // namespace rle::ingest
