// CSV and JSON files as DuckDB functions. DuckDB guesses types from the whole file, and among many formats of
// times, day first or month first; here only ISO 8601 ones become times, and every other text stays text.
#pragma once

#include <string>

#include "ingest/duckdb_session.h"
#include "ingest/source_path.h"

namespace rle::ingest {

// What stands after FROM. Error{kSpec} where the lines of a CSV file do not agree with its header;
// DriverError.
std::string csv_function(Connection& connection, const std::string& source, const SourcePath& path);
std::string json_function(Connection& connection, const SourcePath& path);

}  // namespace rle::ingest
