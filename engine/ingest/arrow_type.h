// What an Arrow type means to us: read from the format strings of the Arrow C data interface.
#pragma once

#include <string>
#include <string_view>

#include "table/column.h"

struct ArrowSchema;

namespace rle::ingest {

enum class ArrowKind {
  kNull,
  kBool,
  kInt8,
  kUint8,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kInt64,
  kUint64,
  kHalf,
  kFloat,
  kDouble,
  kDecimal128,
  kUtf8,
  kLargeUtf8,
  kUtf8View,
  kDate32,
  kDate64,
  kTime32,
  kTime64,
  kTimestamp,
  kList,
  kLargeList,
  kFixedSizeList,
  kDictionary,
  kOther,  // binary, interval, struct, map, union, extension types, run-end and view lists: refused by name
};

struct ArrowType {
  ArrowKind kind = ArrowKind::kOther;
  char unit = 0;          // kTime*, kTimestamp: 's', 'm', 'u' or 'n'
  std::string zone;       // kTimestamp; empty: none
  int precision = 0;      // kDecimal128
  int scale = 0;          // kDecimal128
  int64_t list_size = 0;  // kFixedSizeList
  std::string name;       // for people: "timestamp[us, UTC]"
};

// The type of one field, without its children. Never fails: what is unknown is kOther, named by its format.
ArrowType parse_arrow_type(const ArrowSchema& schema);
ArrowType parse_arrow_format(std::string_view format);

// The physical type a field is read into; kOther kinds and lists of anything but numbers, booleans and
// strings: no.
bool is_readable(const ArrowSchema& schema);
PhysicalType physical_type(const ArrowSchema& schema);

bool is_integer(ArrowKind kind);  // booleans too
bool is_float(ArrowKind kind);
bool is_string(ArrowKind kind);
bool is_list(ArrowKind kind);
bool is_time(ArrowKind kind);

// Microseconds per unit, or for 'n' nanoseconds per microsecond with `divides` set.
struct UnitScale {
  int64_t factor;
  bool divides;
};
UnitScale unit_scale(char unit);

}  // namespace rle::ingest
