// What can be known of an output after it was written, and what is done after a write that was killed.
#include <algorithm>

#include "base/error.h"
#include "ingest/duckdb_session.h"
#include "ingest/output_file.h"
#include "ingest/writer.h"

namespace rle {
namespace fs = std::filesystem;
using namespace ingest;

namespace {

// What stands after FROM.
std::string relation_of(Connection& connection, const OutputTarget& output) {
  const std::string file = quote_text(output.file.string());
  if (output.kind == OutputTarget::Kind::kParquet) return fmt::format("read_parquet({})", file);
  if (output.kind == OutputTarget::Kind::kCsv) return fmt::format("read_csv({}, header = true)", file);
  attach_database(connection, output.file, "target", true);
  return fmt::format("target.{}.{}", quote_name(output.schema.empty() ? "main" : output.schema),
                     quote_name(output.table));
}

// " REPLACE (...)" after "SELECT *".
std::string last_as_vector(Connection& connection, const std::string& relation) {
  const std::string last = quote_name(
      query_texts(connection, fmt::format("SELECT column_name FROM (DESCRIBE FROM {})", relation)).back()[0]);
  return fmt::format(" REPLACE (CAST({0} AS FLOAT[]) AS {0})", last);
}

}  // namespace

fs::path unfinished_file(const OutputTarget& target, const std::string& mark) {
  return pending_name(target.file, mark);
}

std::string table_comment(const OutputTarget& target) {
  if (target.kind != OutputTarget::Kind::kDuckdbTable || !fs::exists(target.file)) return "";
  Connection connection = open_duckdb();
  attach_database(connection, target.file, "target", true);
  const auto rows = query_texts(
      connection,
      fmt::format("SELECT CAST(comment AS VARCHAR) FROM duckdb_tables() WHERE database_name = 'target' "
                  "AND lower(schema_name) = lower({}) AND lower(table_name) = lower({})",
                  quote_text(target.schema.empty() ? "main" : target.schema), quote_text(target.table)));
  return rows.empty() ? "" : rows[0][0];
}

bool finish_write(const std::vector<OutputTarget>& targets, const std::vector<uint8_t>& published,
                  const std::string& mark, bool replace) {
  const auto is_there = [](uint8_t flag) { return flag != 0; };
  if (std::none_of(published.begin(), published.end(), is_there)) return false;
  PendingFiles files;
  bool whole = true;
  for (size_t i = 0; i < targets.size(); ++i) {
    files.push_back(PendingFile::found(targets[i].file, mark, published[i] != 0));
    whole = whole && (published[i] != 0 || fs::exists(files.back()->path()));
  }
  if (!whole) {
    for (const auto& file : files) file->withdraw();
    return false;
  }
  try {
    publish_all(files, replace);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void copy_output(const OutputTarget& from, const fs::path& to, bool last_is_vector) {
  if (!fs::exists(from.file)) fail(ErrorCode::kSpec, "output '{}' is gone", from.display());
  Connection connection = open_duckdb();
  const std::string relation = relation_of(connection, from);
  try {
    connection.execute(fmt::format("COPY (SELECT *{} FROM {}) TO {} ({})",
                                   last_is_vector ? last_as_vector(connection, relation) : "", relation,
                                   quote_text(to.string()),
                                   to.extension() == ".csv" ? "FORMAT csv, HEADER" : "FORMAT parquet"));
  } catch (const DriverError& error) {
    fail(ErrorCode::kIo, "output '{}' could not be read: {}", from.display(), one_line(error.what()));
  }
}

}  // namespace rle
