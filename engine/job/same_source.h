// Whether two sources of a specification may read the same rows, however their paths are written.
#pragma once

#include <filesystem>
#include <string>

namespace rle {

// Sources as SourceReader takes them, relative to base_folder: "a.csv" and "./x/../a.csv", a link and its
// file, a file and a glob that takes it, two globs that take a file in common, "f.duckdb::t" and
// "f.duckdb::main.T". Nothing needs to be there.
bool same_source(const std::string& a, const std::string& b, const std::filesystem::path& base_folder);

}  // namespace rle
