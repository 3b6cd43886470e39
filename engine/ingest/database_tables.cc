#include "ingest/database_tables.h"

#include <algorithm>

#include "base/error.h"
#include "ingest/duckdb_session.h"

namespace rle {

std::vector<std::string> database_tables(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) fail(ErrorCode::kSpec, "{}: no such file", file.string());
  ingest::Connection connection = ingest::open_duckdb();
  ingest::attach_database(connection, file, "source", true);
  std::vector<std::string> names;
  for (const ingest::CatalogEntry& entry : ingest::list_tables(connection, "source"))
    names.push_back(entry.display());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace rle
