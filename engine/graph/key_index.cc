#include "graph/key_index.h"

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace rle {
namespace {

[[noreturn]] void fail_duplicate(const Table& table, const Column& column, int64_t first, int64_t second) {
  const int64_t a = table.source_row(first) + 1, b = table.source_row(second) + 1;
  fail(ErrorCode::kData,
       "table '{}': key '{}' has the value {} twice, in rows {} and {} of the source (counted from 1); a key "
       "names "
       "one row: remove one of them, or declare another column as the key",
       table.schema.name, column.name, key_text(column, first), std::min(a, b), std::max(a, b));
}

}  // namespace

std::string key_text(const Column& column, int64_t row) {
  if (column.is_null(row)) return "null";
  const size_t i = static_cast<size_t>(row);
  return column.type == PhysicalType::kString ? fmt::format("'{}'", column.strings->at(column.codes[i]))
                                              : fmt::format("{}", column.ints[i]);
}

KeyIndex::KeyIndex(const Table& table, const Column& column, bool allow_null)
    : column_(column.name), type_(column.type), strings_(column.strings) {
  if (type_ != PhysicalType::kInt64 && type_ != PhysicalType::kString)
    fail(
        ErrorCode::kSpec,
        "table '{}': key '{}' has type {}; a key is a column of integers or strings: declare another one, or "
        "convert it in the source",
        table.schema.name, column.name, to_string(type_));
  for (int64_t row = 0; !allow_null && row < column.rows; ++row)
    if (column.is_null(row))
      fail(ErrorCode::kData,
           "table '{}': key '{}' is null in row {} of the source (counted from 1); a primary key names every "
           "row: "
           "fill it in or remove the row",
           table.schema.name, column.name, table.source_row(row) + 1);
  if (type_ == PhysicalType::kString)
    index_strings(table, column);
  else
    index_integers(table, column);
}

void KeyIndex::index_strings(const Table& table, const Column& column) {
  std::vector<NodeId> direct(static_cast<size_t>(strings_ ? strings_->size() : 0), kNoNode);
  for (int64_t row = 0; row < column.rows; ++row) {
    if (column.is_null(row)) continue;
    NodeId& node = direct[static_cast<size_t>(column.codes[static_cast<size_t>(row)])];
    if (node != kNoNode) fail_duplicate(table, column, node, row);
    node = static_cast<NodeId>(row);
  }
  direct_ = std::move(direct);
}

void KeyIndex::index_integers(const Table& table, const Column& column) {
  int64_t least = INT64_MAX, greatest = INT64_MIN, present = 0;
  for (int64_t row = 0; row < column.rows; ++row) {
    if (column.is_null(row)) continue;
    const int64_t value = column.ints[static_cast<size_t>(row)];
    least = std::min(least, value);
    greatest = std::max(greatest, value);
    ++present;
  }
  if (present == 0) return;
  first_value_ = least;
  const uint64_t range = static_cast<uint64_t>(greatest) - static_cast<uint64_t>(least);
  if (range < 4 * static_cast<uint64_t>(present) + 1024)
    index_narrow(table, column, range + 1);
  else
    index_wide(table, column, std::bit_ceil(static_cast<uint64_t>(present) / 3 * 4 + 8));
}

void KeyIndex::index_narrow(const Table& table, const Column& column, uint64_t range) {
  std::vector<NodeId> direct(range, kNoNode);
  for (int64_t row = 0; row < column.rows; ++row) {
    if (column.is_null(row)) continue;
    const int64_t value = column.ints[static_cast<size_t>(row)];
    NodeId& node = direct[static_cast<uint64_t>(value) - static_cast<uint64_t>(first_value_)];
    if (node != kNoNode) fail_duplicate(table, column, node, row);
    node = static_cast<NodeId>(row);
  }
  direct_ = std::move(direct);
}

void KeyIndex::index_wide(const Table& table, const Column& column, uint64_t capacity) {
  std::vector<Slot> slots(capacity);
  mask_ = capacity - 1;
  shift_ = 64 - std::countr_zero(capacity);
  for (int64_t row = 0; row < column.rows; ++row) {
    if (column.is_null(row)) continue;
    const int64_t value = column.ints[static_cast<size_t>(row)];
    uint64_t place = slot_of(value) & mask_;
    for (; slots[place].node != kNoNode; place = (place + 1) & mask_)
      if (slots[place].key == value) fail_duplicate(table, column, slots[place].node, row);
    slots[place] = {value, static_cast<NodeId>(row)};
  }
  slots_ = std::move(slots);
}

std::vector<NodeId> KeyIndex::rows_of_codes(const StringPool& pool) const {
  const int64_t codes = pool.size(), keys = strings_ ? strings_->size() : 0;
  std::vector<NodeId> rows(static_cast<size_t>(codes), kNoNode);
  if (&pool == strings_.get()) return {direct_.begin(), direct_.end()};
  if (codes < keys / 16) {
    for (int64_t code = 0; code < codes; ++code) {
      const int32_t own = strings_->find(pool.at(code));
      if (own >= 0) rows[static_cast<size_t>(code)] = direct_[static_cast<size_t>(own)];
    }
    return rows;
  }
  for (int64_t code = 0, own = 0; code < codes && own < keys;) {
    const int order = pool.at(code).compare(strings_->at(own));
    if (order == 0) rows[static_cast<size_t>(code)] = direct_[static_cast<size_t>(own)];
    code += order <= 0;
    own += order >= 0;
  }
  return rows;
}

KeyProbe::KeyProbe(const KeyIndex& index, const Column& values)
    : index_(index), values_(values), strings_(values.type == PhysicalType::kString) {
  RLE_CHECK(index.matches(values.type));
  if (strings_ && values.strings) by_code_ = index.rows_of_codes(*values.strings);
}

}  // namespace rle
