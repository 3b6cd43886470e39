// DuckDB in memory, as both the reader and the writer use it: settings that make results repeatable and keep
// it off the network, and SQL text made from names that users chose.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/adbc.h"

namespace rle::ingest {

Connection open_duckdb();

// From now on all that this process's DuckDB opens, a view's files too, lies in these folders (absolute,
// links followed; a link inside of them is not looked through); empty: anywhere. For a process that works for
// others; before its first open_duckdb.
void confine_duckdb(std::vector<std::filesystem::path> folders);
bool is_confined();

std::string quote_name(std::string_view name);  // "a""b"
std::string quote_text(std::string_view text);  // 'a''b'

// The text columns of a query's rows, for small results about the catalog. NULL is "".
std::vector<std::vector<std::string>> query_texts(Connection& connection, const std::string& sql);
int64_t query_count(Connection& connection, const std::string& sql);

// A driver's message on one line, without its advice about DuckDB options.
std::string one_line(const std::string& driver_message);

// Attaches a database file that exists. Error{kSpec} where it is no DuckDB file, or one of a newer version.
void attach_database(Connection& connection, const std::filesystem::path& file, const std::string& alias,
                     bool read_only);
// What its failures say; `version` is the library's.
[[noreturn]] void fail_attach(const std::string& file, const std::string& version,
                              const std::string& driver_message);

// Tables and views of an attached database.
struct CatalogEntry {
  std::string schema, table;
  std::string computed;  // what of it is computed when it is read: "a view"; empty: nothing
  std::string display() const { return schema == "main" ? table : schema + "." + table; }
};
std::vector<CatalogEntry> list_tables(Connection& connection, const std::string& alias);

// "table" or "schema.table" -> the entry of that exact name; nullptr where there is none.
const CatalogEntry* find_table(const std::vector<CatalogEntry>& entries, std::string_view name);

}  // namespace rle::ingest
