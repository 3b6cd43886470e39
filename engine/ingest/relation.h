// A source as DuckDB sees it: what stands after FROM, and its columns.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "ingest/duckdb_session.h"
#include "ingest/source.h"
#include "ingest/source_path.h"

namespace rle::ingest {

struct Relation {
  std::string source;  // as written, for messages
  SourceKind kind = SourceKind::kParquet;
  std::string sql;  // "read_parquet(...)", "\"alias\".\"schema\".\"table\""
  std::vector<SourceColumn> columns;
  std::string computed;  // as CatalogEntry

  const SourceColumn* find(const std::string& column) const;
  // Error{kSpec} with the nearest name, naming the table that asked for it; or that the type can't be read.
  const SourceColumn& require(const std::string& table, const std::string& column) const;
};

// Opens sources on one connection and remembers them (a CSV file's types take a pass over the whole file).
// One thread.
class RelationCatalog {
 public:
  RelationCatalog(Connection& connection, std::filesystem::path base_folder);

  // Error{kSpec}: missing, unreadable, of a newer version. Error{kData}: text that is not UTF-8.
  const Relation& open(const std::string& source);
  const std::filesystem::path& base_folder() const { return base_folder_; }

 private:
  Relation open_file(const std::string& source, const SourcePath& path);
  Relation open_table(const std::string& source, const SourcePath& path);
  std::vector<SourceColumn> describe(const Relation& relation, bool sql_types);

  Connection& connection_;
  std::filesystem::path base_folder_;
  std::map<std::string, Relation> relations_;
  std::map<std::string, std::string> aliases_;  // of attached files
};

// The driver's failure while binding or reading `source`, as ours. `code` is used unless the text is at
// fault.
[[noreturn]] void fail_source(ErrorCode code, const std::string& source, const DriverError& error);

}  // namespace rle::ingest
