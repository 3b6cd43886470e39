// What can be known of an output after it was written.
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

void copy_output(const OutputTarget& from, const fs::path& to) {
  if (!fs::exists(from.file)) fail(ErrorCode::kSpec, "output '{}' is gone", from.display());
  Connection connection = open_duckdb();
  const std::string relation = relation_of(connection, from);
  try {
    connection.execute(fmt::format("COPY (SELECT * FROM {}) TO {} ({})", relation, quote_text(to.string()),
                                   to.extension() == ".csv" ? "FORMAT csv, HEADER" : "FORMAT parquet"));
  } catch (const DriverError& error) {
    fail(ErrorCode::kIo, "output '{}' could not be read: {}", from.display(), one_line(error.what()));
  }
}

}  // namespace rle
