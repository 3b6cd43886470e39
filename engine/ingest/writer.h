// Output tables, written all or nothing, one or several: new tables of a DuckDB file in one transaction, or
// Parquet or CSV files by way of temporary files and renames. What exists is never touched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

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

// One table of a write. Borrows it.
struct TableOutput {
  OutputTarget target;
  const Table* table = nullptr;
};

// How a write is done whose process may be killed at any moment.
struct WriteOptions {
  bool replace = false;  // tables or files that are there are replaced in the step that makes the new ones
  // Part of the name of what is written beside the targets; what a killed write left is found by it. Empty:
  // the process's number.
  std::string mark = {};
  std::string comment = {};  // of each DuckDB table, set in the same transaction
  // All is written, and nothing shows yet. files: what is about to get the targets' names, in their order; a
  // new database: one file; a transaction: none.
  std::function<void(const std::vector<std::filesystem::path>& files)> before_commit = {};
  std::function<void()> between_renames = {};  // some files have their names, not all
  std::function<void()> after_commit = {};
};

// Writes all columns of all tables (types by arrow_format) and checks the counts before the commit. Outputs
// are of one kind, and tables go into one database. Files get their names from the last to the first: who
// sees the first output sees all. With a mark a new database is made beside its place and gets its name when
// it is whole. Error{kIo}; then nothing is kept, and what was to be replaced is as it was (a file: if its
// file system can exchange two names).
void write_tables(const std::vector<TableOutput>& outputs, const WriteOptions& options = {});
inline void write_table(const OutputTarget& target, const Table& table, const WriteOptions& options = {}) {
  write_tables({{target, &table}}, options);
}

// After a write of files with this mark was killed past before_commit: published[i]: output i has its name.
// Gives the others theirs where one has it, or takes it back where one can't get it. True: all outputs are
// there.
bool finish_write(const std::vector<OutputTarget>& targets, const std::vector<uint8_t>& published,
                  const std::string& mark, bool replace);

// What a write with this mark makes beside its target while it is not committed.
std::filesystem::path unfinished_file(const OutputTarget& target, const std::string& mark);

// The comment of the table; "" where there is no such table, or no comment. Error{kIo}, Error{kSpec}: the
// database can't be opened.
std::string table_comment(const OutputTarget& target);

// The rows of an output as they are now, into a new file: CSV where its name ends in .csv, else Parquet.
// last_is_vector: the last column, which is text in a CSV file, is a list of floats. Errors as write_table's;
// Error{kSpec} where the output is gone.
void copy_output(const OutputTarget& from, const std::filesystem::path& to, bool last_is_vector = false);

}  // namespace rle
