// Output tables, written all or nothing: a new DuckDB table in one transaction, or a Parquet or CSV file by
// way of a temporary file and a rename. What exists is never touched.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "table/column.h"

namespace rle {

struct OutputTarget {
  enum class Kind { kDuckdbTable, kParquet, kCsv } kind = Kind::kDuckdbTable;
  std::filesystem::path file;
  std::string schema;  // kDuckdbTable; empty: main
  std::string table;   // kDuckdbTable
  std::string display() const;
};

// "predictions.parquet", "predictions.csv", "file.duckdb::[schema.]table"; or a bare table name with
// `database`. Error{kSpec} names what is missing or unknown.
OutputTarget parse_output(const std::string& text, const std::filesystem::path& database,
                          const std::filesystem::path& base_folder);

// Error{kSpec} where the table or file exists already; checked before the work and again at the write.
void check_output_is_new(const OutputTarget& target);

// As above for an output whose folder may be missing where it can be made; makes nothing.
void check_output_can_be_made(const OutputTarget& target);
// Makes the folder that the output goes into, where it is missing. Error{kIo}.
void make_output_folder(const OutputTarget& target);

// How a write is done whose process may be killed at any moment.
struct WriteOptions {
  bool replace = false;  // the table or file that is there is replaced in the step that makes the new one
  // Part of the name of what is written beside the target; what a killed write left is found by it. Empty:
  // the process's number.
  std::string mark;
  std::string comment;  // of a DuckDB table, set in the same transaction
  // All is written, and nothing shows yet. file: what is about to get the target's name; empty: a
  // transaction.
  std::function<void(const std::filesystem::path& file)> before_commit;
  std::function<void()> after_commit;
};

// Writes all columns (types by arrow_format) and checks the count before the commit. With a mark a new
// database is made beside its place and gets its name when it is whole. Error{kIo}.
void write_table(const OutputTarget& target, const Table& table, const WriteOptions& options = {});

// What a write with this mark makes beside its target while it is not committed.
std::filesystem::path unfinished_file(const OutputTarget& target, const std::string& mark);

// The comment of the table; "" where there is no such table, or no comment. Error{kIo}, Error{kSpec}: the
// database can't be opened.
std::string table_comment(const OutputTarget& target);

// The rows of an output as they are now, into a new file: CSV where its name ends in .csv, else Parquet.
// Errors as write_table's; Error{kSpec} where the output is gone.
void copy_output(const OutputTarget& from, const std::filesystem::path& to);

}  // namespace rle
