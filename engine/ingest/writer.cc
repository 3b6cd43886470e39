#include "ingest/writer.h"

#include "base/error.h"
#include "ingest/arrow_abi.h"
#include "ingest/arrow_export.h"
#include "ingest/duckdb_session.h"
#include "ingest/output_file.h"

namespace rle {
namespace fs = std::filesystem;
using namespace ingest;

namespace {

// Readable by every DuckDB from 1.4 on.
constexpr const char* kStorageVersion = "v1.4.0";

void check_count(const OutputTarget& target, int64_t written, int64_t expected) {
  if (written == expected) return;
  fail(ErrorCode::kIo, "output '{}': {} rows were written instead of {}; nothing was kept", target.display(),
       written, expected);
}

void ingest_table(Connection& connection, const IngestTarget& where, const Table& table) {
  ArrowArrayStream stream;
  export_table(table, &stream);
  try {
    connection.ingest_create(where, stream);
  } catch (...) {
    if (stream.release != nullptr) stream.release(&stream);
    throw;
  }
}

// A database file that this call created is removed again where the call fails.
class NewDatabase {
 public:
  explicit NewDatabase(fs::path file) : file_(std::move(file)) {}
  ~NewDatabase() {
    if (file_.empty()) return;
    std::error_code ignored;
    fs::remove(file_, ignored);
    fs::remove(fs::path(file_.string() + ".wal"), ignored);
  }
  void keep() { file_.clear(); }

 private:
  fs::path file_;
};

void write_in_transaction(Connection& connection, const OutputTarget& target, const Table& table) {
  const std::string schema = target.schema.empty() ? "main" : target.schema;
  connection.begin();
  if (!target.schema.empty()) {
    connection.execute(fmt::format("CREATE SCHEMA IF NOT EXISTS target.{}", quote_name(schema)));
  }
  ingest_table(connection, {"target", schema, target.table}, table);
  check_count(target,
              query_count(connection, fmt::format("SELECT count(*) FROM target.{}.{}", quote_name(schema),
                                                  quote_name(target.table))),
              table.rows);
  connection.commit();
}

void write_duckdb(const OutputTarget& target, const Table& table) {
  const bool is_new = !fs::exists(target.file);
  NewDatabase guard(is_new ? target.file : fs::path());
  Connection connection = open_duckdb();  // closed before the guard removes the file
  if (is_new) {
    connection.execute(fmt::format("ATTACH {} AS target (TYPE duckdb, STORAGE_VERSION {})",
                                   quote_text(target.file.string()), quote_text(kStorageVersion)));
  } else {
    attach_database(connection, target.file, "target", false);
  }
  try {
    write_in_transaction(connection, target, table);
  } catch (const DriverError& error) {
    if (!error.already_exists) throw;
    fail(ErrorCode::kSpec, "output '{}': the table exists already and is left as it is; name a new table",
         target.display());
  }
  guard.keep();
  try {
    connection.execute("DETACH target");
  } catch (const DriverError&) {
    // The commit stands in the log beside the file; the next to open the database merges it.
  }
}

void write_file(const OutputTarget& target, const Table& table) {
  PendingFile file(target.file);
  Connection connection = open_duckdb();
  ingest_table(connection, {"", "", "output"}, table);
  const std::string path = file.path().string();
  const bool csv = target.kind == OutputTarget::Kind::kCsv;
  connection.execute(fmt::format("COPY output TO {} ({}, USE_TMP_FILE false)", quote_text(path),
                                 csv ? "FORMAT csv, HEADER" : "FORMAT parquet"));
  check_count(target, query_count(connection, "SELECT count(*) FROM output"), table.rows);
  if (!csv) {
    const std::string written = fmt::format("SELECT count(*) FROM read_parquet({})", quote_text(path));
    check_count(target, query_count(connection, written), table.rows);
  }
  file.publish();
}

}  // namespace

void write_table(const OutputTarget& target, const Table& table) {
  RLE_CHECK(!table.columns.empty());
  check_output_is_new(target);
  try {
    if (target.kind == OutputTarget::Kind::kDuckdbTable) {
      write_duckdb(target, table);
    } else {
      write_file(target, table);
    }
  } catch (const DriverError& error) {
    fail(ErrorCode::kIo, "output '{}' could not be written: {}; nothing was kept", target.display(),
         one_line(error.what()));
  }
}

}  // namespace rle
