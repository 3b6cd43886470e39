// The tables of a DuckDB file, for those who do not know them yet.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace rle {

// Tables and views as a source names them after "::" ("races", "other.races"), by name. Error{kSpec}: no such
// file, no DuckDB file.
std::vector<std::string> database_tables(const std::filesystem::path& file);

}  // namespace rle
