// Random arrays of random types, laid out after the Arrow specification in memory that is exactly as long as
// they declare, then broken in one place: they are read, or refused by check_batch, and nothing else is
// touched (under AddressSanitizer: make fuzz).
#include <gtest/gtest.h>

#include <memory>

#include "base/error.h"
#include "base/fuzz_testing.h"
#include "ingest/adbc.h"
#include "ingest/arrow_check.h"
#include "ingest/arrow_import.h"
#include "ingest/arrow_import_parts.h"

namespace rle::ingest {
namespace {

using namespace fuzz_testing;

// A field's type, owned.
struct FuzzField {
  std::string format;
  std::vector<std::unique_ptr<FuzzField>> children;
  std::unique_ptr<FuzzField> dictionary;
  std::vector<ArrowSchema*> pointers;
  ArrowSchema schema{};

  void link() {
    pointers.clear();
    for (auto& child : children) {
      child->link();
      pointers.push_back(&child->schema);
    }
    if (dictionary) dictionary->link();
    schema.format = format.c_str();
    schema.name = "c";
    schema.n_children = static_cast<int64_t>(pointers.size());
    schema.children = pointers.empty() ? nullptr : pointers.data();
    schema.dictionary = dictionary ? &dictionary->schema : nullptr;
  }
};

const char* const kFormats[] = {"n",       "b",
                                "c",       "C",
                                "s",       "S",
                                "i",       "I",
                                "l",       "L",
                                "e",       "f",
                                "g",       "u",
                                "U",       "vu",
                                "tdD",     "tdm",
                                "tts",     "ttm",
                                "ttu",     "ttn",
                                "tss:",    "tsm:UTC",
                                "tsu:",    "tsn:Europe/Oslo",
                                "d:9,2",   "d:38,0",
                                "d:18,-3", "d:38,38",
                                "z",       "+s"};

FuzzField random_field(RngStream& random, int depth) {
  FuzzField field;
  const uint64_t kind = random.below(depth < 3 ? 10 : 6);
  field.format = kFormats[random.below(std::size(kFormats))];
  if (kind >= 7) {
    field.format = pick<const char*>(random, {"+l", "+L", "+w:0", "+w:1", "+w:3"});
    field.children.push_back(std::make_unique<FuzzField>(random_field(random, depth + 1)));
  } else if (kind == 6) {
    field.format = pick<const char*>(random, {"c", "C", "s", "S", "i", "I", "l", "L"});
    field.dictionary = std::make_unique<FuzzField>(random_field(random, chance(random, 8) ? depth + 1 : 3));
    if (!chance(random, 4)) field.dictionary->format = pick<const char*>(random, {"u", "U", "vu"});
  }
  if (chance(random, 16)) field.format = damaged(field.format, {"+w:", "d:", "ts", "u", "+", ","}, random);
  if (field.format.find('\0') != std::string::npos) field.format = "+w:2147483647";
  return field;
}

// Lists of more items than this get too few of them.
constexpr int64_t kMostItems = 8;
bool has_items(const FuzzField& field) {
  return parse_arrow_format(field.format).list_size <= kMostItems &&
         (field.children.empty() || has_items(*field.children[0]));
}

// An array of a field, owned. Each buffer is an allocation of its own.
class FuzzArray {
 public:
  FuzzArray(const FuzzField& field, int64_t length, RngStream& random)
      : field_(field), kind_(parse_arrow_type(field.schema).kind) {
    array.length = length;
    array.offset = chance(random, 2) ? 0 : static_cast<int64_t>(random.below(9));
    array.null_count = -1;
    if (is_readable(field.schema)) fill(random);
    for (const auto& memory : memory_) buffers_.push_back(memory.get());
    if (!has_validity_ && !buffers_.empty()) buffers_[0] = nullptr;
    for (auto& child : children_) child_pointers_.push_back(&child->array);
    array.n_buffers = static_cast<int64_t>(buffers_.size());
    array.buffers = buffers_.empty() ? nullptr : buffers_.data();
    array.n_children = static_cast<int64_t>(child_pointers_.size());
    array.children = child_pointers_.empty() ? nullptr : child_pointers_.data();
    array.dictionary = dictionary_ ? &dictionary_->array : nullptr;
  }

  bool is_null(int64_t i) const {
    return kind_ == ArrowKind::kNull || (has_validity_ && !BitView(buffers_[0], array.offset)[i]);
  }

  // Makes one thing wrong, here or below. What is enlarged is enlarged so far that no memory could hold it.
  void break_one(RngStream& random) {
    if (!children_.empty() && chance(random, 2)) return children_[0]->break_one(random);
    if (dictionary_ && chance(random, 2)) return dictionary_->break_one(random);
    const int64_t beyond = pick<int64_t>(random, {-1, INT64_MIN, INT64_MAX, kMaxArrayRows + 1});
    switch (random.below(10)) {
      case 0:
        array.length = chance(random, 2)
                           ? beyond
                           : static_cast<int64_t>(random.below(static_cast<uint64_t>(array.length) + 1));
        break;
      case 1:
        array.offset = chance(random, 2) ? beyond : 0;
        break;
      case 2:
        array.n_buffers =
            chance(random, 4) ? INT64_MIN : array.n_buffers - 1 - static_cast<int64_t>(random.below(3));
        break;
      case 3:
        array.buffers = nullptr;
        break;
      case 4:
        if (!buffers_.empty()) buffers_[random.below(buffers_.size())] = nullptr;
        break;
      case 5:
        array.n_children = pick<int64_t>(random, {-1, 0, 2, INT64_MAX});
        break;
      case 6:
        if (!child_pointers_.empty()) child_pointers_[0] = nullptr;
        if (chance(random, 2)) array.children = nullptr;
        break;
      case 7:
        array.dictionary = nullptr;
        break;
      default:
        break_value(random);
    }
  }

  ArrowArray array{};

 private:
  int64_t rows() const { return array.offset + array.length; }

  template <typename T>
  T* buffer(int64_t count) {
    memory_.push_back(std::make_unique<char[]>(static_cast<size_t>(count) * sizeof(T)));
    return reinterpret_cast<T*>(memory_.back().get());
  }

  void fill(RngStream& random) {
    if (kind_ == ArrowKind::kNull) return;
    has_validity_ = chance(random, 2);
    auto* bits = buffer<uint8_t>((rows() + 7) / 8);
    for (int64_t i = 0; i < (rows() + 7) / 8; ++i)
      bits[i] = static_cast<uint8_t>(random.next() | random.next());
    switch (kind_) {
      case ArrowKind::kUtf8:
        return fill_strings<int32_t>(random);
      case ArrowKind::kLargeUtf8:
        return fill_strings<int64_t>(random);
      case ArrowKind::kUtf8View:
        return fill_views(random);
      case ArrowKind::kList:
        return fill_list(rising<int32_t>(random), random);
      case ArrowKind::kLargeList:
        return fill_list(rising<int64_t>(random), random);
      case ArrowKind::kFixedSizeList: {
        const int64_t size = parse_arrow_type(field_.schema).list_size;
        return fill_list(size > kMostItems ? 100 : rows() * size, random);
      }
      case ArrowKind::kDictionary:
        return fill_dictionary(random);
      default:
        return fill_values(random);
    }
  }

  void fill_values(RngStream& random) {
    const int64_t bytes = width() == 0 ? (rows() + 7) / 8 : rows() * width();
    auto* values = buffer<uint8_t>(bytes);
    const bool small = chance(random, 2);
    for (int64_t i = 0; i < bytes; ++i)
      values[i] = !small || i % std::max<int64_t>(1, width()) == 0 ? static_cast<uint8_t>(random.next()) : 0;
  }

  int64_t width() const {
    switch (kind_) {
      case ArrowKind::kBool:
        return 0;
      case ArrowKind::kInt8:
      case ArrowKind::kUint8:
        return 1;
      case ArrowKind::kInt16:
      case ArrowKind::kUint16:
      case ArrowKind::kHalf:
        return 2;
      case ArrowKind::kInt32:
      case ArrowKind::kUint32:
      case ArrowKind::kFloat:
      case ArrowKind::kDate32:
      case ArrowKind::kTime32:
        return 4;
      case ArrowKind::kDecimal128:
        return 16;
      default:
        return 8;
    }
  }

  // Offsets from 0 or more; the last one.
  template <typename T>
  int64_t rising(RngStream& random) {
    T* ends = buffer<T>(rows() + 1);
    T end = static_cast<T>(random.below(4));
    for (int64_t i = 0; i <= rows(); ++i) {
      ends[i] = end;
      end = static_cast<T>(end + static_cast<T>(random.below(chance(random, 4) ? 24 : 4)));
    }
    return ends[rows()];
  }

  static void write_text(char* bytes, int64_t size, RngStream& random) {
    const std::string_view text = pick<std::string_view>(
        random,
        {"2020-08-31 12:30:00", "1999-12-31T23:59:59.999Z", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "pear"});
    for (int64_t i = 0; i < size; ++i) bytes[i] = text[static_cast<size_t>(i) % text.size()];
    if (size > 0 && chance(random, 4))
      bytes[random.below(static_cast<uint64_t>(size))] = static_cast<char>(random.next());
  }

  template <typename T>
  void fill_strings(RngStream& random) {
    const int64_t end = rising<T>(random);
    write_text(buffer<char>(end), end, random);
  }

  void fill_views(RngStream& random) {
    auto* views = buffer<int32_t>(rows() * 4);
    const int64_t size = 12 + static_cast<int64_t>(random.below(60));
    write_text(buffer<char>(size), size, random);
    for (int64_t i = 0; i < rows(); ++i) {
      int32_t* view = views + i * 4;
      view[0] = static_cast<int32_t>(random.below(static_cast<uint64_t>(size) + 1));
      if (view[0] <= 12)
        write_text(reinterpret_cast<char*>(view + 1), view[0], random);
      else
        view[3] = static_cast<int32_t>(random.below(static_cast<uint64_t>(size - view[0]) + 1));
    }
    *buffer<int64_t>(1) = size;
  }

  void fill_list(int64_t items, RngStream& random) {
    children_.push_back(std::make_unique<FuzzArray>(*field_.children[0],
                                                    items + static_cast<int64_t>(random.below(3)), random));
  }

  void fill_dictionary(RngStream& random) {
    const int64_t entries = 1 + static_cast<int64_t>(random.below(20));
    dictionary_ = std::make_unique<FuzzArray>(*field_.dictionary, entries, random);
    const int64_t bytes = index_width();
    auto* indices = buffer<uint8_t>(rows() * bytes);
    for (int64_t i = 0; i < rows(); ++i)
      indices[i * bytes] = static_cast<uint8_t>(random.below(static_cast<uint64_t>(entries)));
  }

  int64_t index_width() const {
    const char c = field_.format[0];
    return c == 'c' || c == 'C' ? 1 : c == 's' || c == 'S' ? 2 : c == 'i' || c == 'I' ? 4 : 8;
  }

  // An offset, an index or a view that is not what it was. The last offset of strings says how many bytes
  // there are: it may only fall.
  void break_value(RngStream& random) {
    if (memory_.size() < 2 || array.length <= 0 || rows() > 1000) return;
    const int64_t at = array.offset + static_cast<int64_t>(random.below(static_cast<uint64_t>(array.length)));
    const int64_t odd = odd_integer(random);
    char* values = memory_[1].get();
    const auto put = [&](int64_t byte, int64_t width) {
      std::memcpy(values + byte, &odd, static_cast<size_t>(width));
    };
    if (kind_ == ArrowKind::kUtf8 || kind_ == ArrowKind::kList) put(at * 4, 4);
    if (kind_ == ArrowKind::kLargeUtf8 || kind_ == ArrowKind::kLargeList) put(at * 8, 8);
    if (kind_ == ArrowKind::kList && chance(random, 2)) put(rows() * 4, 4);
    if (kind_ == ArrowKind::kLargeList && chance(random, 2)) put(rows() * 8, 8);
    if (kind_ == ArrowKind::kUtf8View) put(at * 16 + static_cast<int64_t>(random.below(4)) * 4, 4);
    if (kind_ == ArrowKind::kDictionary) put(at * index_width(), index_width());
  }

  const FuzzField& field_;
  ArrowKind kind_;
  bool has_validity_ = false;
  std::vector<std::unique_ptr<char[]>> memory_;
  std::vector<const void*> buffers_;
  std::vector<std::unique_ptr<FuzzArray>> children_;
  std::unique_ptr<FuzzArray> dictionary_;
  std::vector<ArrowArray*> child_pointers_;
};

// What every reader of a column relies on.
void expect_whole(const Column& column) {
  const auto size = [&](const auto& values) { return static_cast<int64_t>(values.size()); };
  const bool list = column.type >= PhysicalType::kIntList;
  EXPECT_TRUE(column.valid.empty() || size(column.valid) == column.rows);
  const int64_t values = size(column.ints) + size(column.floats) + size(column.codes) + size(column.floats32);
  if (list) {
    ASSERT_EQ(size(column.offsets), column.rows + 1);
    EXPECT_TRUE(std::is_sorted(column.offsets.begin(), column.offsets.end()));
    EXPECT_EQ(column.offsets.back(), values);
  } else {
    EXPECT_EQ(values, column.rows);
  }
  for (int64_t i = 0; i < size(column.codes); ++i) {
    if (!list && column.is_null(i)) continue;
    const int32_t code = column.codes[static_cast<size_t>(i)];
    ASSERT_TRUE(code >= 0 && code < column.strings->size());
  }
}

// A schema with one thing missing.
void break_schema(ArrowSchema& field, RngStream& random) {
  if (field.n_children > 0 && chance(random, 2)) return break_schema(*field.children[0], random);
  switch (random.below(5)) {
    case 0:
      field.format = nullptr;
      break;
    case 1:
      field.name = nullptr;
      break;
    case 2:
      field.n_children = pick<int64_t>(random, {-1, 0, INT64_MAX});
      break;
    case 3:
      field.children = nullptr;
      break;
    default:
      if (field.n_children > 0) field.children[0] = nullptr;
  }
}

// As a source's columns are read: schema, then batches, then the column.
void read(FuzzField& table, RngStream& random, bool break_batch, int64_t& read_whole) {
  const FuzzField& field = *table.children[0];
  check_schema(table.schema);
  if (!is_readable(field.schema)) return;
  auto importer = make_importer(
      field.schema, {.table = "t", .column = "c", .is_key = chance(random, 3), .is_time = chance(random, 4)});
  int64_t rows = 0;
  std::vector<bool> nulls;
  for (uint64_t batches = 1 + random.below(3); batches > 0; --batches) {
    FuzzArray column(field, static_cast<int64_t>(random.below(40)), random);
    ArrowArray* pointer = &column.array;
    ArrowArray batch{};
    batch.length = column.array.length;
    batch.n_children = 1;
    batch.children = &pointer;
    if (break_batch) column.break_one(random);
    check_batch(table.schema, batch);
    importer->append(column.array);
    rows += batch.length;
    for (int64_t i = 0; i < batch.length && !break_batch; ++i) nulls.push_back(column.is_null(i));
  }
  const Column column = importer->finish();
  EXPECT_EQ(column.rows, rows);
  expect_whole(column);
  if (break_batch || parse_arrow_type(field.schema).kind == ArrowKind::kDictionary) return;
  for (int64_t i = 0; i < rows; ++i)
    ASSERT_EQ(column.is_null(i), nulls[static_cast<size_t>(i)]) << field.format << " row " << i;
  ++read_whole;
}

TEST(ArrowFuzz, ArraysAreReadOrRefused) {
  int64_t read_whole = 0, malformed = 0;
  const int64_t done = fuzz(20000, [&](RngStream& random) {
    FuzzField table;
    table.format = "+s";
    table.children.push_back(std::make_unique<FuzzField>(random_field(random, 0)));
    table.link();
    const uint64_t what = random.below(8);  // 0: a broken schema, 1-4: a broken batch, else nothing broken
    if (what == 0) break_schema(table.schema, random);
    try {
      read(table, random, what >= 1 && what <= 4, read_whole);
    } catch (const DriverError& error) {
      EXPECT_TRUE(what <= 4 || !has_items(*table.children[0])) << error.what();
      ++malformed;
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kData || error.code() == ErrorCode::kSpec) << error.what();
    }
  });
  if (done < 100) return;
  EXPECT_GT(malformed, done / 10);
  EXPECT_GT(read_whole, done / 10);
}

}  // namespace
}  // namespace rle::ingest
