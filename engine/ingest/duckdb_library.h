// Where libduckdb.so is.
#pragma once

#include <filesystem>

namespace rle::ingest {

// The first that exists of: the environment variable RLE_DUCKDB_LIBRARY, libduckdb.so beside the executable,
// in ../lib of it, and the one that `make setup` put into the source tree. Error{kIo} says how to get it.
std::filesystem::path duckdb_library();

}  // namespace rle::ingest
