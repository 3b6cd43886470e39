// Output tables, written all or nothing: a new DuckDB table in one transaction, or a Parquet or CSV file by
// way of a temporary file and a rename. What exists is never touched.
#pragma once

#include <filesystem>
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

// Writes all columns (types by arrow_format) and checks the count before the commit. Error{kIo}.
void write_table(const OutputTarget& target, const Table& table);

}  // namespace rle
