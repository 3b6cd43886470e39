#include "ingest/duckdb_library.h"

#include <cstdlib>

#include "base/error.h"

#ifndef RLE_DUCKDB_DEFAULT
#define RLE_DUCKDB_DEFAULT ""
#endif

namespace rle::ingest {

std::filesystem::path duckdb_library() {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (const char* named = std::getenv("RLE_DUCKDB_LIBRARY"); named != nullptr && *named != '\0') {
    if (!fs::is_regular_file(named, ignored)) {
      fail(ErrorCode::kIo,
           "RLE_DUCKDB_LIBRARY names '{}', which is no file; it should be the path of libduckdb.so", named);
    }
    return fs::absolute(named, ignored);
  }
  const fs::path folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const fs::path& candidate : {folder / "libduckdb.so", folder.parent_path() / "lib" / "libduckdb.so",
                                    fs::path(RLE_DUCKDB_DEFAULT)}) {
    if (fs::is_regular_file(candidate, ignored)) return candidate;
  }
  fail(ErrorCode::kIo,
       "libduckdb.so was not found beside the executable, in ../lib or in node_modules; run `make setup`, or "
       "set "
       "RLE_DUCKDB_LIBRARY to its path");
}

}  // namespace rle::ingest
