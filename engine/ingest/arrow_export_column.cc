#include "ingest/arrow_export_column.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/time.h"
#include "ingest/arrow_export.h"
#include "ingest/arrow_type.h"

namespace rle::ingest {
namespace {

__extension__ typedef __int128 Int128;
using Bytes = std::vector<uint8_t>;

constexpr int kExactDecimalDigits = 18;  // a decimal read as a double is written as one again beyond these

template <typename T>
void put(Bytes& bytes, int64_t i, T value) {
  std::memcpy(bytes.data() + static_cast<size_t>(i) * sizeof(T), &value, sizeof(T));
}

// value(row) for each row, as T.
template <typename T, typename Value>
Bytes fixed(int64_t begin, int64_t end, Value value) {
  Bytes bytes(static_cast<size_t>(end - begin) * sizeof(T));
  for (int64_t row = begin; row < end; ++row) put<T>(bytes, row - begin, value(row));
  return bytes;
}

template <typename T>
Bytes narrow(const Column& column, int64_t begin, int64_t end) {
  return fixed<T>(begin, end, [&](int64_t row) {
    const int64_t value = column.ints[static_cast<size_t>(row)];
    const T cast = static_cast<T>(value);
    RLE_CHECK(static_cast<int64_t>(cast) == value);
    return cast;
  });
}

int64_t floor_divide(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

// Microseconds in the unit of a format.
template <typename T>
Bytes times(const Column& column, int64_t begin, int64_t end, int64_t divide, int64_t multiply) {
  return fixed<T>(begin, end, [&](int64_t row) {
    int64_t value = floor_divide(column.ints[static_cast<size_t>(row)], divide);
    RLE_CHECK(!__builtin_mul_overflow(value, multiply, &value));
    const T cast = static_cast<T>(value);
    RLE_CHECK(static_cast<int64_t>(cast) == value);
    return cast;
  });
}

Bytes bits(const Array<int64_t>& values, int64_t begin, int64_t end) {
  Bytes bytes(static_cast<size_t>(end - begin + 7) / 8, 0);
  for (int64_t row = begin; row < end; ++row) {
    const int64_t at = row - begin;
    if (values[static_cast<size_t>(row)] != 0)
      bytes[static_cast<size_t>(at / 8)] |= static_cast<uint8_t>(1 << (at % 8));
  }
  return bytes;
}

// Strings with 64-bit offsets.
class Texts {
 public:
  explicit Texts(int64_t rows) { ends_.reserve(static_cast<size_t>(rows + 1) * 8); }
  void add(std::string_view text) {
    add_end();
    text_.insert(text_.end(), text.begin(), text.end());
  }
  void finish(ExportedArray& array) {
    add_end();
    array.buffers.push_back(std::move(ends_));
    array.buffers.push_back(std::move(text_));
  }

 private:
  void add_end() {
    const auto end = static_cast<int64_t>(text_.size());
    const auto* p = reinterpret_cast<const uint8_t*>(&end);
    ends_.insert(ends_.end(), p, p + sizeof(end));
  }
  Bytes ends_, text_;
};

Bytes integers(const Column& column, const ArrowType& type, int64_t begin, int64_t end) {
  switch (type.kind) {
    case ArrowKind::kBool:
      return bits(column.ints, begin, end);
    case ArrowKind::kInt8:
      return narrow<int8_t>(column, begin, end);
    case ArrowKind::kUint8:
      return narrow<uint8_t>(column, begin, end);
    case ArrowKind::kInt16:
      return narrow<int16_t>(column, begin, end);
    case ArrowKind::kUint16:
      return narrow<uint16_t>(column, begin, end);
    case ArrowKind::kInt32:
      return narrow<int32_t>(column, begin, end);
    case ArrowKind::kUint32:
      return narrow<uint32_t>(column, begin, end);
    case ArrowKind::kFloat:
      return fixed<float>(
          begin, end, [&](int64_t row) { return static_cast<float>(column.ints[static_cast<size_t>(row)]); });
    case ArrowKind::kDouble:
      return fixed<double>(begin, end, [&](int64_t row) {
        return static_cast<double>(column.ints[static_cast<size_t>(row)]);
      });
    case ArrowKind::kDecimal128: {
      Int128 unit = 1;
      for (int s = 0; s < type.scale; ++s) unit *= 10;
      return fixed<Int128>(begin, end,
                           [&](int64_t row) { return column.ints[static_cast<size_t>(row)] * unit; });
    }
    default:
      return narrow<int64_t>(column, begin, end);
  }
}

Bytes floats(const Column& column, const ArrowType& type, int64_t begin, int64_t end) {
  const auto value = [&](int64_t row) { return column.floats[static_cast<size_t>(row)]; };
  if (type.kind == ArrowKind::kFloat)
    return fixed<float>(begin, end, [&](int64_t row) { return static_cast<float>(value(row)); });
  if (type.kind == ArrowKind::kDecimal128) {
    const long double unit = std::pow(10.0L, type.scale);
    return fixed<Int128>(begin, end,
                         [&](int64_t row) { return static_cast<Int128>(std::round(value(row) * unit)); });
  }
  return fixed<double>(begin, end, value);
}

void export_times(const Column& column, const ArrowType& type, int64_t begin, int64_t end,
                  ExportedArray& array) {
  if (type.kind == ArrowKind::kUtf8 || type.kind == ArrowKind::kLargeUtf8) {
    Texts texts(end - begin);
    for (int64_t row = begin; row < end; ++row) {
      texts.add(column.is_null(row) ? "" : format_time(column.ints[static_cast<size_t>(row)]));
    }
    texts.finish(array);
  } else if (type.kind == ArrowKind::kDate32) {
    array.buffers.push_back(times<int32_t>(column, begin, end, kMicrosPerDay, 1));
  } else if (type.kind == ArrowKind::kDate64) {
    array.buffers.push_back(times<int64_t>(column, begin, end, kMicrosPerDay, 86'400'000));
  } else {
    const UnitScale scale = unit_scale(type.unit);
    const int64_t divide = scale.divides ? 1 : scale.factor;
    const int64_t multiply = scale.divides ? scale.factor : 1;
    array.buffers.push_back(type.kind == ArrowKind::kTime32
                                ? times<int32_t>(column, begin, end, divide, multiply)
                                : times<int64_t>(column, begin, end, divide, multiply));
  }
}

ArrowArray export_items(const Column& column, int64_t begin, int64_t end) {
  auto items = std::make_unique<ExportedArray>();
  items->buffers.emplace_back();
  if (column.type == PhysicalType::kIntList) {
    items->buffers.push_back(narrow<int64_t>(column, begin, end));
  } else if (column.type == PhysicalType::kFloatList) {
    items->buffers.push_back(
        fixed<float>(begin, end, [&](int64_t i) { return column.floats32[static_cast<size_t>(i)]; }));
  } else {
    Texts texts(end - begin);
    for (int64_t i = begin; i < end; ++i) texts.add(column.strings->at(column.codes[static_cast<size_t>(i)]));
    texts.finish(*items);
  }
  ArrowArray out;
  hand_over(std::move(items), end - begin, 0, &out);
  return out;
}

void export_list(const Column& column, int64_t begin, int64_t end, ExportedArray& array) {
  const int64_t first = column.offsets[static_cast<size_t>(begin)];
  array.buffers.push_back(fixed<int64_t>(
      begin, end + 1, [&](int64_t row) { return column.offsets[static_cast<size_t>(row)] - first; }));
  array.children.push_back(export_items(column, first, column.offsets[static_cast<size_t>(end)]));
}

void release_array(ArrowArray* array) {
  delete static_cast<ExportedArray*>(array->private_data);
  array->release = nullptr;
}

}  // namespace

std::string export_format(const Column& column) {
  const ArrowType type = parse_arrow_format(column.arrow_format);
  switch (column.type) {
    case PhysicalType::kInt64: {
      const bool decimal = type.kind == ArrowKind::kDecimal128 && type.scale >= 0;
      const bool number =
          is_integer(type.kind) || type.kind == ArrowKind::kFloat || type.kind == ArrowKind::kDouble;
      return number || decimal ? column.arrow_format : "l";
    }
    case PhysicalType::kFloat64: {
      if (type.kind == ArrowKind::kHalf || type.kind == ArrowKind::kFloat) return "f";
      const bool exact =
          type.kind == ArrowKind::kDecimal128 && type.scale > 0 && type.precision <= kExactDecimalDigits;
      return exact ? column.arrow_format : "g";
    }
    case PhysicalType::kTimestamp:
      if (is_string(type.kind)) return "U";
      return is_time(type.kind) ? column.arrow_format : "tsu:";
    case PhysicalType::kString:
      return "U";
    default:
      return "+L";
  }
}

ExportedArray::~ExportedArray() {
  for (ArrowArray& child : children) {
    if (child.release != nullptr) child.release(&child);
  }
}

void hand_over(std::unique_ptr<ExportedArray> array, int64_t length, int64_t null_count, ArrowArray* out) {
  for (const Bytes& buffer : array->buffers) array->buffer_pointers.push_back(buffer.data());
  if (!array->buffers.empty() && array->buffers[0].empty()) array->buffer_pointers[0] = nullptr;
  for (ArrowArray& child : array->children) array->child_pointers.push_back(&child);
  *out = {};
  out->length = length;
  out->null_count = null_count;
  out->n_buffers = static_cast<int64_t>(array->buffer_pointers.size());
  out->n_children = static_cast<int64_t>(array->child_pointers.size());
  out->buffers = array->buffer_pointers.data();
  out->children = array->child_pointers.data();
  out->release = release_array;
  out->private_data = array.release();
}

ArrowArray export_rows(const Column& column, int64_t begin, int64_t end) {
  auto array = std::make_unique<ExportedArray>();
  const ArrowType type = parse_arrow_format(export_format(column));
  int64_t nulls = 0;
  Bytes validity;
  if (!column.valid.empty()) {
    validity.assign(static_cast<size_t>(end - begin + 7) / 8, 0);
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at = row - begin;
      if (column.is_null(row)) {
        ++nulls;
      } else {
        validity[static_cast<size_t>(at / 8)] |= static_cast<uint8_t>(1 << (at % 8));
      }
    }
  }
  array->buffers.push_back(std::move(validity));
  switch (column.type) {
    case PhysicalType::kInt64:
      array->buffers.push_back(integers(column, type, begin, end));
      break;
    case PhysicalType::kFloat64:
      array->buffers.push_back(floats(column, type, begin, end));
      break;
    case PhysicalType::kTimestamp:
      export_times(column, type, begin, end, *array);
      break;
    case PhysicalType::kString: {
      Texts texts(end - begin);
      for (int64_t row = begin; row < end; ++row) {
        texts.add(column.is_null(row) ? std::string_view()
                                      : column.strings->at(column.codes[static_cast<size_t>(row)]));
      }
      texts.finish(*array);
      break;
    }
    default:
      export_list(column, begin, end, *array);
  }
  ArrowArray out;
  hand_over(std::move(array), end - begin, nulls, &out);
  return out;
}

}  // namespace rle::ingest
