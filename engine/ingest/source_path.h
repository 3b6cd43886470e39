// What a source's text means: a file, a glob of files, or a table of a database file.
#pragma once

#include <filesystem>
#include <string>

namespace rle::ingest {

enum class SourceKind { kParquet, kCsv, kJson, kDuckdb };

struct SourcePath {
  SourceKind kind = SourceKind::kParquet;
  std::string pattern;  // absolute, for DuckDB's file functions: literal names escaped, wild cards kept
  std::filesystem::path file;  // kDuckdb: the file; a single file: itself
  bool is_glob = false;
  std::string table;  // kDuckdb: "table" or "schema.table"
};

// "a.parquet", "dir/*.csv", "a.duckdb::schema.table"; relative to `base`. A name that exists as written is
// that file, even with wild cards in it. Error{kSpec}: an unknown ending, a folder, a file that is not there
// (the nearest name offered).
SourcePath parse_source(const std::string& source, const std::filesystem::path& base);

// The text with the characters that DuckDB's globs treat specially made literal.
std::string escape_glob(const std::string& text);

}  // namespace rle::ingest
