#include "ingest/arrow_check.h"

#include <algorithm>

#include "ingest/adbc.h"
#include "ingest/arrow_import_parts.h"

namespace rle::ingest {
namespace {

constexpr int kMaxDepth = 64;
constexpr int64_t kMaxColumns = 1'000'000;

[[noreturn]] void malformed_arrow(const std::string& what) {
  throw DriverError("the driver sent malformed Arrow data: " + what, false);
}

// One array under its column's name; everything that is wrong ends in `malformed`.
class ArrayCheck {
 public:
  explicit ArrayCheck(std::string column) : column_(std::move(column)) {}

  void check(const ArrowSchema& schema, const ArrowArray& array) const {
    const ArrowType type = parse_arrow_type(schema);
    require(array.length >= 0 && array.offset >= 0 && array.length <= kMaxArrayRows &&
                array.offset <= kMaxArrayRows - array.length,
            "{} rows from row {} on", array.length, array.offset);
    check_buffers(array, type.kind);
    switch (type.kind) {
      case ArrowKind::kUtf8:
        return check_strings<int32_t>(array);
      case ArrowKind::kLargeUtf8:
        return check_strings<int64_t>(array);
      case ArrowKind::kUtf8View:
        return check_views(array);
      case ArrowKind::kList:
        check_offsets<int32_t>(array, child_of(array).length);
        return check(*schema.children[0], child_of(array));
      case ArrowKind::kLargeList:
        check_offsets<int64_t>(array, child_of(array).length);
        return check(*schema.children[0], child_of(array));
      case ArrowKind::kFixedSizeList:
        check_fixed(array, type.list_size);
        return check(*schema.children[0], child_of(array));
      case ArrowKind::kDictionary:
        return check_dictionary(schema, array);
      default:
        return;
    }
  }

 private:
  template <typename... Args>
  [[noreturn]] void malformed(fmt::format_string<Args...> format, Args&&... args) const {
    malformed_arrow(
        fmt::format("column '{}': {}", column_, fmt::format(format, std::forward<Args>(args)...)));
  }
  template <typename... Args>
  void require(bool condition, fmt::format_string<Args...> format, Args&&... args) const {
    if (!condition) malformed(format, std::forward<Args>(args)...);
  }

  static int64_t buffers_needed(ArrowKind kind) {
    if (kind == ArrowKind::kNull) return 0;
    if (kind == ArrowKind::kFixedSizeList) return 1;
    return is_string(kind) ? 3 : 2;
  }

  void check_buffers(const ArrowArray& array, ArrowKind kind) const {
    const int64_t needed = buffers_needed(kind);
    require(array.n_buffers >= needed && (array.n_buffers == 0 || array.buffers != nullptr),
            "{} buffers where {} are needed", array.n_buffers, needed);
    if (needed >= 2) require(array.length == 0 || array.buffers[1] != nullptr, "its values are missing");
  }

  const ArrowArray& child_of(const ArrowArray& array) const {
    require(array.n_children == 1 && array.children != nullptr && array.children[0] != nullptr,
            "a list of {} children", array.n_children);
    return *array.children[0];
  }

  // offsets[offset .. offset + length] rise from 0 or more up to `limit` at most. Returns the last.
  template <typename T>
  int64_t check_offsets(const ArrowArray& array, int64_t limit) const {
    if (array.length == 0) return 0;
    const T* ends = values_of<T>(array);
    bool rises = ends[0] >= 0;
    for (int64_t i = 0; i < array.length; ++i) rises &= ends[i] <= ends[i + 1];
    require(rises, "its offsets fall");
    require(ends[array.length] <= limit, "an offset of {} where there are {} items",
            static_cast<int64_t>(ends[array.length]), limit);
    return ends[array.length];
  }

  template <typename T>
  void check_strings(const ArrowArray& array) const {
    const int64_t end = check_offsets<T>(array, kMaxArrayRows);
    require(end == 0 || array.buffers[2] != nullptr, "its bytes are missing");
  }

  // Of rows that are not null; the last buffer holds the sizes of those that views point into.
  void check_views(const ArrowArray& array) const {
    const BitView present = validity_of(array);
    const int64_t data_buffers = array.n_buffers - 3;
    const auto* sizes = static_cast<const int64_t*>(array.buffers[array.n_buffers - 1]);
    const char* views =
        array.length == 0 ? nullptr : static_cast<const char*>(array.buffers[1]) + array.offset * 16;
    for (int64_t i = 0; i < array.length; ++i) {
      if (!present[i]) continue;
      int32_t view[4];  // length, prefix, buffer, start
      std::memcpy(view, views + i * 16, 16);
      require(view[0] >= 0, "a string of {} bytes", view[0]);
      if (view[0] <= 12) continue;
      const int64_t buffer = view[2], end = int64_t{view[3]} + view[0];
      require(
          buffer >= 0 && buffer < data_buffers && sizes != nullptr && array.buffers[2 + buffer] != nullptr,
          "a string in data buffer {} of {}", buffer, data_buffers);
      require(view[3] >= 0 && end <= sizes[buffer], "a string outside its data buffer (bytes {} to {} of {})",
              view[3], end, sizes[buffer]);
    }
  }

  void check_fixed(const ArrowArray& array, int64_t size) const {
    const int64_t items = child_of(array).length;
    require(size == 0 || array.offset + array.length <= items / size, "{} lists of {} from {} items",
            array.offset + array.length, size, items);
  }

  void check_dictionary(const ArrowSchema& schema, const ArrowArray& array) const {
    require(array.dictionary != nullptr, "its dictionary is missing");
    check(*schema.dictionary, *array.dictionary);
    const ArrowKind kind = parse_arrow_format(schema.format).kind;
    const BitView present = validity_of(array);
    for (int64_t i = 0; i < array.length; ++i) {
      if (!present[i]) continue;
      const int64_t index = integer_at(kind, array, i);
      require(index >= 0 && index < array.dictionary->length, "index {} into a dictionary of {} entries",
              index, array.dictionary->length);
    }
  }

  std::string column_;
};

// `column`: of which it is a part; the columns themselves are the children at depth 0.
void check_field(const ArrowSchema& field, const std::string& column, int depth) {
  if (field.format == nullptr) malformed_arrow(fmt::format("column '{}' has no format", column));
  if (depth > kMaxDepth)
    malformed_arrow(fmt::format("column '{}' is nested deeper than {} levels", column, kMaxDepth));
  if (field.n_children < 0 || field.n_children > kMaxColumns ||
      (field.n_children > 0 && field.children == nullptr))
    malformed_arrow(fmt::format("column '{}' has {} children", column, field.n_children));
  for (int64_t c = 0; c < field.n_children; ++c) {
    const ArrowSchema* child = field.children[c];
    if (child == nullptr || (depth == 0 && child->name == nullptr))
      malformed_arrow(fmt::format("child {} of '{}' is missing or has no name", c, column));
    check_field(*child, depth == 0 ? child->name : column, depth + 1);
  }
  if (field.dictionary != nullptr) check_field(*field.dictionary, column, depth + 1);
}

}  // namespace

void check_schema(const ArrowSchema& schema) {
  check_field(schema, "", 0);
  if (std::string_view(schema.format) != "+s" || schema.dictionary != nullptr)
    malformed_arrow("its schema is no struct of columns");
}

void check_batch(const ArrowSchema& schema, const ArrowArray& batch) {
  if (batch.length < 0 || batch.length > kMaxBatchRows || batch.offset != 0)
    malformed_arrow(fmt::format("a batch of {} rows from row {} on", batch.length, batch.offset));
  if (batch.n_children != schema.n_children || (batch.n_children > 0 && batch.children == nullptr))
    malformed_arrow(
        fmt::format("a batch of {} columns, the schema has {}", batch.n_children, schema.n_children));
  for (int64_t c = 0; c < schema.n_children; ++c) {
    const ArrowSchema& field = *schema.children[c];
    const ArrowArray* column = batch.children[c];
    if (column == nullptr || column->length != batch.length)
      malformed_arrow(fmt::format("column '{}' has {} rows, the batch {}", field.name,
                                  column == nullptr ? 0 : column->length, batch.length));
    if (is_readable(field)) ArrayCheck(field.name).check(field, *column);
  }
}

}  // namespace rle::ingest
