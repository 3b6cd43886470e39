// Integers, booleans, floats, decimals, and the null type.
#include <cmath>
#include <limits>

#include "ingest/arrow_import_parts.h"

namespace rle::ingest {
namespace {

class NullImporter : public ColumnImporter {
 public:
  explicit NullImporter(ImportOptions options)
      : ColumnImporter(std::move(options), PhysicalType::kInt64, "n") {}

 protected:
  // The null type has no bitmap: every row is null.
  void append_values(const ArrowArray& array, int64_t first) override {
    column_.valid.edit().assign(static_cast<size_t>(first + array.length), 0);
    column_.ints.edit().resize(static_cast<size_t>(first + array.length), 0);
  }
};

template <typename T>
class IntImporter : public ColumnImporter {
 public:
  IntImporter(ImportOptions options, const char* format)
      : ColumnImporter(std::move(options), PhysicalType::kInt64, format) {}

 protected:
  void append_values(const ArrowArray& array, int64_t first) override {
    const T* from = values_of<T>(array);
    column_.ints.edit().resize(static_cast<size_t>(first + array.length));
    int64_t* to = column_.ints.edit().data() + first;
    for (int64_t i = 0; i < array.length; ++i) to[i] = static_cast<int64_t>(from[i]);
    if (!column_.valid.empty()) {
      for (int64_t i = 0; i < array.length; ++i) to[i] = is_null_at(first + i) ? 0 : to[i];
    }
    if constexpr (std::is_same_v<T, uint64_t>) check_range(first);
  }

 private:
  void check_range(int64_t first) const {
    for (int64_t row = first; row < column_.rows; ++row) {
      const int64_t value = column_.ints[static_cast<size_t>(row)];
      if (value >= 0) continue;
      throw UnreadableValue(
          fmt::format("{}: {} lies beyond the range of a 64-bit signed integer; cast the column in the "
                      "source (to varchar for a key, to double for a number), or exclude it",
                      where(row), static_cast<uint64_t>(value)));
    }
  }
};

class BoolImporter : public ColumnImporter {
 public:
  explicit BoolImporter(ImportOptions options)
      : ColumnImporter(std::move(options), PhysicalType::kInt64, "b") {}

 protected:
  void append_values(const ArrowArray& array, int64_t first) override {
    const BitView bits(array.buffers[1], array.offset);
    for (int64_t i = 0; i < array.length; ++i)
      column_.ints.edit().push_back(!is_null_at(first + i) && bits[i] ? 1 : 0);
  }
};

// Keys that arrive as floats (integers with gaps, saved by tools whose integers have no null) become integers
// again.
class FractionalImporter : public ColumnImporter {
 protected:
  using ColumnImporter::ColumnImporter;

  void finish_values() override {
    if (!options_.is_key || column_.type != PhysicalType::kFloat64) return;
    constexpr double kExact = 9007199254740992.0;  // 2^53: above it a double is no longer one integer
    column_.ints.edit().resize(column_.floats.size());
    for (size_t i = 0; i < column_.floats.size(); ++i) {
      const double value = column_.floats[i];
      if (!(std::fabs(value) < kExact) || value != std::floor(value)) {
        fail_row(
            static_cast<int64_t>(i),
            fmt::format(
                "the key is {}; keys are integers below 2^53 here, or strings: cast the column in the source",
                value));
      }
      column_.ints.edit()[i] = static_cast<int64_t>(value);
    }
    column_.floats = {};
    column_.type = PhysicalType::kInt64;
  }
};

template <typename T>
class FloatImporter : public FractionalImporter {
 public:
  FloatImporter(ImportOptions options, const char* format)
      : FractionalImporter(std::move(options), PhysicalType::kFloat64, format) {}

 protected:
  void append_values(const ArrowArray& array, int64_t first) override {
    const T* from = values_of<T>(array);
    column_.floats.edit().resize(static_cast<size_t>(first + array.length));
    double* to = column_.floats.edit().data() + first;
    for (int64_t i = 0; i < array.length; ++i) {
      if constexpr (std::is_same_v<T, uint16_t>) {
        to[i] = half_to_float(from[i]);
      } else {
        to[i] = from[i];
      }
    }
    if (column_.valid.empty()) return;
    for (int64_t i = 0; i < array.length; ++i) to[i] = is_null_at(first + i) ? 0.0 : to[i];
  }
};

class DecimalImporter : public FractionalImporter {
 public:
  DecimalImporter(ImportOptions options, const ArrowSchema& schema, int scale)
      : FractionalImporter(std::move(options), scale > 0 ? PhysicalType::kFloat64 : PhysicalType::kInt64,
                           schema.format),
        scale_(scale) {}

 protected:
  void append_values(const ArrowArray& array, int64_t first) override {
    const char* from = static_cast<const char*>(array.buffers[1]) + array.offset * 16;
    for (int64_t i = 0; i < array.length; ++i) {
      Int128 value = 0;
      if (!is_null_at(first + i)) std::memcpy(&value, from + i * 16, 16);
      append_value(value, first + i);
    }
  }

 private:
  void append_value(Int128 value, int64_t row) {
    if (column_.type == PhysicalType::kInt64) {
      Int128 whole = value;
      bool fits = in_range(whole);
      for (int s = scale_; s < 0 && fits; ++s) {
        whole *= 10;
        fits = in_range(whole);
      }
      if (fits) {
        column_.ints.edit().push_back(static_cast<int64_t>(whole));
        return;
      }
      if (options_.is_key) {
        fail_row(
            row,
            fmt::format(
                "the key {} lies beyond the range of a 64-bit signed integer; cast the column to varchar "
                "in the source",
                to_text(value)));
      }
      column_.type = PhysicalType::kFloat64;
      column_.floats.edit().assign(column_.ints.begin(), column_.ints.end());
      column_.ints = {};
    }
    column_.floats.edit().push_back(decimal_to_double(value, scale_));
  }

  static bool in_range(Int128 value) {
    return value >= std::numeric_limits<int64_t>::min() && value <= std::numeric_limits<int64_t>::max();
  }

  int scale_;
};

}  // namespace

std::unique_ptr<ColumnImporter> make_number_importer(const ArrowSchema& schema, ImportOptions options) {
  const ArrowType type = parse_arrow_type(schema);
  switch (type.kind) {
    case ArrowKind::kNull:
      return std::make_unique<NullImporter>(std::move(options));
    case ArrowKind::kBool:
      return std::make_unique<BoolImporter>(std::move(options));
    case ArrowKind::kInt8:
      return std::make_unique<IntImporter<int8_t>>(std::move(options), schema.format);
    case ArrowKind::kUint8:
      return std::make_unique<IntImporter<uint8_t>>(std::move(options), schema.format);
    case ArrowKind::kInt16:
      return std::make_unique<IntImporter<int16_t>>(std::move(options), schema.format);
    case ArrowKind::kUint16:
      return std::make_unique<IntImporter<uint16_t>>(std::move(options), schema.format);
    case ArrowKind::kInt32:
      return std::make_unique<IntImporter<int32_t>>(std::move(options), schema.format);
    case ArrowKind::kUint32:
      return std::make_unique<IntImporter<uint32_t>>(std::move(options), schema.format);
    case ArrowKind::kInt64:
      return std::make_unique<IntImporter<int64_t>>(std::move(options), schema.format);
    case ArrowKind::kUint64:
      return std::make_unique<IntImporter<uint64_t>>(std::move(options), schema.format);
    case ArrowKind::kHalf:
      return std::make_unique<FloatImporter<uint16_t>>(std::move(options), schema.format);
    case ArrowKind::kFloat:
      return std::make_unique<FloatImporter<float>>(std::move(options), schema.format);
    case ArrowKind::kDouble:
      return std::make_unique<FloatImporter<double>>(std::move(options), schema.format);
    default:
      break;
  }
  RLE_CHECK(type.kind == ArrowKind::kDecimal128);
  return std::make_unique<DecimalImporter>(std::move(options), schema, type.scale);
}

}  // namespace rle::ingest
