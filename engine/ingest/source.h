// Tables read from files and databases through ADBC, as Arrow batches streamed straight into typed columns.
// DuckDB is the embedded engine: Parquet, CSV, JSON, .duckdb files ("file.duckdb::schema.table" or
// "file.duckdb::table") and globs of the first three.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/report.h"
#include "table/column.h"

namespace rle {

struct SourceColumn {
  std::string name;
  std::string arrow_format;  // as in the Arrow C data interface
  std::string type_name;     // for messages: "int64", "timestamp[us, UTC]"
  bool readable = true;      // false: a type that is refused by name where the column is asked for
  std::string item_format;   // arrow_format of a list's items
};

// How much a column holds. distinct: an estimate, of values or of a list's elements; 0 for lists of floats,
// and for keys that are numbers and no features.
struct ColumnSize {
  enum class Kind { kInteger, kFloat, kTime, kText, kList };
  Kind kind = Kind::kInteger;
  int64_t distinct = 0;
  double length = 0;  // mean; bytes of texts, elements of lists
};
struct SourceSize {
  int64_t rows = 0;
  std::vector<ColumnSize> columns;
};

// An open reader over local sources. Owns its database connection; used from one thread.
class SourceReader {
 public:
  explicit SourceReader(std::filesystem::path base_folder);
  ~SourceReader();
  SourceReader(SourceReader&&) noexcept;

  // Column names and types of a source. Error{kSpec}: missing file or table (nearest name offered),
  // unreadable file.
  std::vector<SourceColumn> columns(const std::string& source);

  // The files that a source's rows come from, sorted.
  std::vector<std::filesystem::path> files(const std::string& source);
  // What of a source its files do not decide: "a view", whose rows may come from elsewhere or depend on the
  // day; empty: nothing.
  std::string computed(const std::string& source);
  int64_t count_rows(const std::string& source);
  // Goes through the columns whose sizes are asked for, and keeps nothing of them.
  SourceSize size(const TableSchema& schema, const std::vector<std::string>& column_names);

  // Reads the named columns only. times: those to be read as times where they are ISO text (declared
  // datetime). Error{kSpec}: a missing column (nearest offered), a type that can't be read (named).
  // Error{kData}: a text that is no time, UTF-8 or a value out of range, with table, column, row and value.
  Table read(const TableSchema& schema, const std::vector<std::string>& column_names,
             const std::vector<std::string>& time_columns, Report& report,
             const CancelToken* cancel = nullptr);

  // As read() without declared times, of about that share of the rows (0 to 1): blocks from all over the
  // table (DuckDB's system sample), the same ones each time.
  Table read_sample(const TableSchema& schema, const std::vector<std::string>& column_names, double share,
                    Report& report, const CancelToken* cancel = nullptr);

  // Of the DuckDB library that reads.
  std::string library_version();

  // Which columns of a source a table's specification uses: keys, time, declared columns, and (all_columns)
  // the others that are readable and not excluded; unreadable undeclared ones are reported. Error{kSpec} as
  // above.
  std::vector<std::string> used_columns(const TableSchema& schema, Report& report);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The version of the DuckDB library in use; printed by `rle --version`.
std::string duckdb_version();

}  // namespace rle
