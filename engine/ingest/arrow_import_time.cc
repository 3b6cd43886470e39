// Dates, times of day (on 1970-01-01) and timestamps in every unit: to microseconds since the epoch, UTC.
// Nanoseconds floor.
#include "base/time.h"
#include "ingest/arrow_import_parts.h"

namespace rle::ingest {
namespace {

// value * factor (or the floor of value / factor), refusing what does not fit: DuckDB's infinities among it.
template <typename T>
class TimeImporter : public ColumnImporter {
 public:
  TimeImporter(ImportOptions options, const char* format, UnitScale scale)
      : ColumnImporter(std::move(options), PhysicalType::kTimestamp, format), scale_(scale) {}

 protected:
  void append_values(const ArrowArray& array, int64_t first) override {
    const T* from = values_of<T>(array);
    column_.ints.edit().resize(static_cast<size_t>(first + array.length));
    int64_t* to = column_.ints.edit().data() + first;
    for (int64_t i = 0; i < array.length; ++i) {
      if (is_null_at(first + i)) continue;
      const int64_t value = from[i];
      const bool infinite = value == INT64_MAX || value == -INT64_MAX;
      if (infinite || (!scale_.divides && __builtin_mul_overflow(value, scale_.factor, &to[i]))) {
        fail_row(first + i,
                 "the time is infinite, or too far from 1970 for 64 bits of microseconds; make it null in "
                 "the source");
      }
      if (scale_.divides) to[i] = floor_divide(value, scale_.factor);
    }
  }

 private:
  static int64_t floor_divide(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

  UnitScale scale_;
};

}  // namespace

std::unique_ptr<ColumnImporter> make_time_importer(const ArrowSchema& schema, ImportOptions options) {
  const ArrowType type = parse_arrow_type(schema);
  switch (type.kind) {
    case ArrowKind::kDate32:
      return std::make_unique<TimeImporter<int32_t>>(std::move(options), schema.format,
                                                     UnitScale{kMicrosPerDay, false});
    case ArrowKind::kDate64:
      return std::make_unique<TimeImporter<int64_t>>(std::move(options), schema.format, unit_scale('m'));
    case ArrowKind::kTime32:
      return std::make_unique<TimeImporter<int32_t>>(std::move(options), schema.format,
                                                     unit_scale(type.unit));
    default:
      RLE_CHECK(type.kind == ArrowKind::kTime64 || type.kind == ArrowKind::kTimestamp);
      return std::make_unique<TimeImporter<int64_t>>(std::move(options), schema.format,
                                                     unit_scale(type.unit));
  }
}

}  // namespace rle::ingest
