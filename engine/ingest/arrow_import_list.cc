// Lists of numbers, booleans and strings.
#include <cmath>

#include "ingest/arrow_import_parts.h"
#include "ingest/string_interner.h"

namespace rle::ingest {
namespace {

// Where the items of each row lie in the child array.
struct Span {
  int64_t begin, end;
};

class ListImporter : public ColumnImporter {
 public:
  ListImporter(ImportOptions options, const ArrowSchema& schema, PhysicalType type)
      : ColumnImporter(std::move(options), type, "+l"),
        list_(parse_arrow_type(schema)),
        item_(parse_arrow_type(*schema.children[0])) {
    column_.offsets.edit().push_back(0);
  }

 protected:
  void append_values(const ArrowArray& array, int64_t first) override {
    const ArrowArray& items = *array.children[0];
    const BitView present = validity_of(items);
    for (int64_t i = 0; i < array.length; ++i) {
      if (!is_null_at(first + i) && item_.kind != ArrowKind::kNull) {
        const Span span = span_of(array, i);
        for (int64_t k = span.begin; k < span.end; ++k) append_item(items, k, present[k], first + i);
      }
      column_.offsets.edit().push_back(size());
    }
  }

  void finish_values() override {
    if (column_.type != PhysicalType::kStringList) return;
    std::vector<int32_t> code_of;
    column_.strings = interner_.finish(code_of);
    for (int32_t& code : column_.codes.edit()) code = code_of[static_cast<size_t>(code)];
  }

 private:
  Span span_of(const ArrowArray& array, int64_t i) const {
    const int64_t at = array.offset + i;
    if (list_.kind == ArrowKind::kFixedSizeList) return {at * list_.list_size, (at + 1) * list_.list_size};
    if (list_.kind == ArrowKind::kList) {
      const auto* ends = static_cast<const int32_t*>(array.buffers[1]);
      return {ends[at], ends[at + 1]};
    }
    const auto* ends = static_cast<const int64_t*>(array.buffers[1]);
    return {ends[at], ends[at + 1]};
  }

  int64_t size() const {
    switch (column_.type) {
      case PhysicalType::kFloatList:
        return static_cast<int64_t>(column_.floats32.size());
      case PhysicalType::kIntList:
        return static_cast<int64_t>(column_.ints.size());
      default:
        return static_cast<int64_t>(column_.codes.size());
    }
  }

  void append_item(const ArrowArray& items, int64_t k, bool present, int64_t row) {
    if (column_.type == PhysicalType::kFloatList) {
      column_.floats32.edit().push_back(present ? float_item(items, k) : std::nanf(""));
    } else if (present && column_.type == PhysicalType::kIntList) {
      column_.ints.edit().push_back(int_item(items, k, row));
    } else if (present) {
      const std::string_view text = StringsView(items, item_.kind)[k];
      const int32_t known = interner_.size();
      const int32_t code = interner_.intern(text);
      if (code == known && !is_utf8(text))
        fail_row(row, "an item of the list is not UTF-8; store the column as UTF-8");
      column_.codes.edit().push_back(code);
    }
  }

  float float_item(const ArrowArray& items, int64_t k) const {
    switch (item_.kind) {
      case ArrowKind::kHalf:
        return half_to_float(values_of<uint16_t>(items)[k]);
      case ArrowKind::kFloat:
        return values_of<float>(items)[k];
      case ArrowKind::kDouble:
        return static_cast<float>(values_of<double>(items)[k]);
      default:
        break;
    }
    Int128 value;
    std::memcpy(&value, static_cast<const char*>(items.buffers[1]) + (items.offset + k) * 16, 16);
    return static_cast<float>(decimal_to_double(value, item_.scale));
  }

  int64_t int_item(const ArrowArray& items, int64_t k, int64_t row) const {
    const int64_t value = integer_at(item_.kind, items, k);
    if (item_.kind == ArrowKind::kUint64 && value < 0) {
      throw UnreadableValue(
          fmt::format("{}: {} lies beyond the range of a 64-bit signed integer; cast the column in the "
                      "source, or exclude it",
                      where(row), static_cast<uint64_t>(value)));
    }
    return value;
  }

  ArrowType list_, item_;
  StringInterner interner_;
};

}  // namespace

std::unique_ptr<ColumnImporter> make_list_importer(const ArrowSchema& schema, ImportOptions options) {
  const PhysicalType type = physical_type(schema);
  return std::make_unique<ListImporter>(std::move(options), schema, type);
}

}  // namespace rle::ingest
