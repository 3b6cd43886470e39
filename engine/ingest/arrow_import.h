// Arrow arrays appended straight to a typed column: one importer per column, one virtual call per batch.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "table/column.h"

struct ArrowArray;
struct ArrowSchema;

namespace rle::ingest {

struct ImportOptions {
  std::string table;  // for messages
  std::string column;
  bool is_key = false;        // integers only: a value beyond int64, or a fraction, is an error
  bool is_time = false;       // text is parsed as ISO 8601; numbers are refused
  int64_t expected_rows = 0;  // to reserve; 0: unknown
};

// A value that the column's type can hold but no column of ours: the caller may leave the column out.
class UnreadableValue : public Error {
 public:
  explicit UnreadableValue(std::string message) : Error(ErrorCode::kData, std::move(message)) {}
};

// One owner, one thread. Null rows hold 0, or an empty list; null items of a list of strings or integers are
// left out, those of a list of floats are NaN.
class ColumnImporter {
 public:
  virtual ~ColumnImporter() = default;

  // Error{kData} names table, column, row (counted from 1, as the source returned them) and value.
  void append(const ArrowArray& array);
  // Error{kSpec} where a time column holds numbers.
  Column finish();

 protected:
  ColumnImporter(ImportOptions options, PhysicalType type, std::string arrow_format);

  // Appends the values of array.length rows; `first` is the position of the first among column_'s rows, whose
  // validity is known already: is_null_at(first + i). Null rows must be written as 0 or as an empty list.
  virtual void append_values(const ArrowArray& array, int64_t first) = 0;
  virtual void finish_values() {}

  [[noreturn]] void fail_row(int64_t row, const std::string& what) const;
  std::string where(int64_t row) const;
  bool is_null_at(int64_t row) const { return column_.is_null(row); }
  void set_null(int64_t row);

  ImportOptions options_;
  Column column_;

 private:
  void append_validity(const ArrowArray& array);
  void settle_time();
};

// The importer of a field. RLE_CHECKs is_readable(schema).
std::unique_ptr<ColumnImporter> make_importer(const ArrowSchema& schema, ImportOptions options);

}  // namespace rle::ingest
