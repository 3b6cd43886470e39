#include <algorithm>

#include "base/error.h"
#include "table/column_values.h"
#include "table/dtype_rules.h"
#include "table/features.h"

namespace rle {
namespace {

constexpr std::string_view kTextReason = "text columns are left out until text embedding is built";

std::vector<const Column*> feature_columns(const Table& table) {
  std::vector<const Column*> out;
  for (const Column& column : table.columns)
    if (!table.schema.is_key(column.name) || table.schema.is_feature_key(column.name)) out.push_back(&column);
  std::sort(out.begin(), out.end(), [](const Column* a, const Column* b) { return a->name < b->name; });
  return out;
}

std::optional<Dtype> declared_dtype(const TableSchema& schema, std::string_view column) {
  for (const ColumnSpec& spec : schema.columns)
    if (spec.name == column) return spec.dtype;
  return std::nullopt;
}

// Up to kInferenceSample visible rows that hold a value, at an even stride over all of those.
std::vector<int64_t> sample_rows(const Column& column, const std::vector<uint8_t>& visible) {
  const auto usable = [&](int64_t row) {
    return visible[static_cast<size_t>(row)] != 0 && has_finite_value(column, row);
  };
  int64_t count = 0;
  for (int64_t row = 0; row < column.rows; ++row) count += usable(row) ? 1 : 0;
  const int64_t wanted = std::min(count, kInferenceSample);
  std::vector<int64_t> sample;
  sample.reserve(static_cast<size_t>(wanted));
  int64_t position = 0;
  for (int64_t row = 0; row < column.rows && static_cast<int64_t>(sample.size()) < wanted; ++row) {
    if (!usable(row)) continue;
    if (position == static_cast<int64_t>(sample.size()) * count / wanted) sample.push_back(row);
    ++position;
  }
  return sample;
}

// Two different lengths of visible lists of floats, or nothing.
std::string unequal_lengths(const Column& column, const std::vector<uint8_t>& visible) {
  int64_t length = -1;
  for (int64_t row = 0; row < column.rows; ++row) {
    if (visible[static_cast<size_t>(row)] == 0 || !has_finite_value(column, row)) continue;
    const int64_t here = elements_at(column, row).size();
    if (length >= 0 && here != length) return fmt::format("{} and {}", length, here);
    length = here;
  }
  return {};
}

DtypeDecision decide(const Table& table, const Column& column, const std::vector<uint8_t>& visible) {
  const std::optional<Dtype> declared = declared_dtype(table.schema, column.name);
  if (declared) check_can_carry(table, column, *declared);
  const std::vector<int64_t> sample = sample_rows(column, visible);
  if (sample.empty()) return {column.name, std::nullopt, "no visible row has a value", LeftOut::kNoValue};

  const Inference decided = declared ? Inference{*declared, "declared"} : infer_dtype(column, sample);
  if (decided.dtype == Dtype::kText)
    return {column.name, std::nullopt, fmt::format("{}; {}", decided.reason, kTextReason), LeftOut::kText};
  if (!declared && decided.dtype == Dtype::kEmbedding) {
    const std::string lengths = unequal_lengths(column, visible);
    if (!lengths.empty())
      return {column.name, std::nullopt, fmt::format("lists of floats of unequal length ({})", lengths),
              LeftOut::kUnfit};
  }
  return {column.name, decided.dtype, decided.reason, LeftOut::kNo};
}

}  // namespace

std::vector<uint8_t> visible_rows(const Table& table, const Visibility& visibility) {
  std::vector<uint8_t> visible(static_cast<size_t>(table.rows), 1);
  if (!table.schema.time_column) return visible;
  const Column& time = table.at(*table.schema.time_column);
  if (time.type != PhysicalType::kTimestamp)
    fail(ErrorCode::kSpec,
         "table '{}', time column '{}': its values are of type {}; expected dates, timestamps or ISO texts; "
         "convert the "
         "column in the source, or leave time_column out",
         table.schema.name, time.name, to_string(time.type));
  for (int64_t row = 0; row < table.rows; ++row) {
    const size_t i = static_cast<size_t>(row);
    visible[i] = !time.is_null(row) && (!visibility.until_us || time.ints[i] <= *visibility.until_us) ? 1 : 0;
  }
  return visible;
}

std::vector<DtypeDecision> decide_dtypes(const Table& table, const Visibility& visibility) {
  const std::vector<uint8_t> visible = visible_rows(table, visibility);
  std::vector<DtypeDecision> decisions;
  for (const Column* column : feature_columns(table)) decisions.push_back(decide(table, *column, visible));
  return decisions;
}

}  // namespace rle
