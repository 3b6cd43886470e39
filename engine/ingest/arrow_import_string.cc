// Strings and dictionaries of strings: encoded as they arrive, or parsed as times where the column is one.
#include "base/time.h"
#include "ingest/arrow_import_parts.h"
#include "ingest/string_interner.h"

namespace rle::ingest {
namespace {

constexpr size_t kShownBytes = 60;

std::string shown(std::string_view text) {
  return text.size() <= kShownBytes ? std::string(text) : std::string(text.substr(0, kShownBytes)) + "...";
}

// The strings of an array of strings, or of a dictionary of them.
class RowStrings {
 public:
  RowStrings(const ArrowArray& array, const ArrowSchema& schema)
      : array_(array),
        strings_(schema.dictionary != nullptr ? *array.dictionary : array,
                 parse_arrow_type(schema.dictionary != nullptr ? *schema.dictionary : schema).kind),
        index_kind_(schema.dictionary != nullptr ? parse_arrow_format(schema.format).kind
                                                 : ArrowKind::kOther),
        entries_(validity_of(schema.dictionary != nullptr ? *array.dictionary : array)) {}

  // The dictionary's entry of row i, or i itself.
  int64_t entry(int64_t i) const {
    return index_kind_ == ArrowKind::kOther ? i : integer_at(index_kind_, array_, i);
  }
  bool has(int64_t entry) const { return entries_[entry]; }
  std::string_view at(int64_t entry) const { return strings_[entry]; }

 private:
  const ArrowArray& array_;
  StringsView strings_;
  ArrowKind index_kind_;
  BitView entries_;
};

class StringImporter : public ColumnImporter {
 public:
  StringImporter(ImportOptions options, const ArrowSchema& schema)
      : ColumnImporter(std::move(options), PhysicalType::kString, "u"), schema_(schema) {}

 protected:
  void append_values(const ArrowArray& array, int64_t first) override {
    const RowStrings strings(array, schema_);
    const bool dictionary = schema_.dictionary != nullptr;
    if (dictionary) codes_of_entries_.assign(static_cast<size_t>(array.dictionary->length), -1);
    column_.codes.edit().resize(static_cast<size_t>(first + array.length), 0);
    for (int64_t i = 0; i < array.length; ++i) {
      const int64_t row = first + i;
      if (is_null_at(row)) continue;
      const int64_t entry = strings.entry(i);
      if (!strings.has(entry)) {
        set_null(row);
        continue;
      }
      int32_t code = dictionary ? codes_of_entries_[static_cast<size_t>(entry)] : -1;
      if (code < 0) code = intern(strings.at(entry), row);
      if (dictionary) codes_of_entries_[static_cast<size_t>(entry)] = code;
      column_.codes.edit()[static_cast<size_t>(row)] = code;
    }
  }

  void finish_values() override {
    std::vector<int32_t> code_of;
    column_.strings = interner_.finish(code_of);
    if (code_of.empty()) return;
    for (int64_t row = 0; row < column_.rows; ++row) {
      int32_t& code = column_.codes.edit()[static_cast<size_t>(row)];
      code = is_null_at(row) ? 0 : code_of[static_cast<size_t>(code)];
    }
  }

 private:
  int32_t intern(std::string_view text, int64_t row) {
    const int32_t known = interner_.size();
    const int32_t code = interner_.intern(text);
    if (code == known && !is_utf8(text)) {
      fail_row(row, "the text is not UTF-8; store the column as UTF-8");
    }
    return code;
  }

  const ArrowSchema& schema_;
  StringInterner interner_;
  std::vector<int32_t> codes_of_entries_;  // of the current batch's dictionary
};

class TextTimeImporter : public ColumnImporter {
 public:
  TextTimeImporter(ImportOptions options, const ArrowSchema& schema)
      : ColumnImporter(std::move(options), PhysicalType::kTimestamp, "u"), schema_(schema) {}

 protected:
  void append_values(const ArrowArray& array, int64_t first) override {
    const RowStrings strings(array, schema_);
    column_.ints.edit().resize(static_cast<size_t>(first + array.length), 0);
    for (int64_t i = 0; i < array.length; ++i) {
      if (is_null_at(first + i)) continue;
      const int64_t entry = strings.entry(i);
      if (!strings.has(entry)) {
        set_null(first + i);
        continue;
      }
      const std::string_view text = strings.at(entry);
      const auto time = parse_time(text);
      if (!time) {
        fail_row(first + i,
                 fmt::format("'{}' is no time; expected ISO 8601, such as 2020-08-31 or 2020-08-31 12:30:00",
                             shown(text)));
      }
      column_.ints.edit()[static_cast<size_t>(first + i)] = *time;
    }
  }

 private:
  const ArrowSchema& schema_;
};

}  // namespace

std::unique_ptr<ColumnImporter> make_string_importer(const ArrowSchema& schema, ImportOptions options) {
  if (options.is_time) return std::make_unique<TextTimeImporter>(std::move(options), schema);
  return std::make_unique<StringImporter>(std::move(options), schema);
}

}  // namespace rle::ingest
