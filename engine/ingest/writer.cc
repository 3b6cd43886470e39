#include "ingest/writer.h"

#include <functional>

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

// The rows wait in memory under the name `output`; target is attached.
void commit_table(Connection& connection, const OutputTarget& target, const Table& table,
                  const WriteOptions& options, const std::function<void()>& before_commit) {
  const std::string schema = quote_name(target.schema.empty() ? "main" : target.schema);
  const std::string name = fmt::format("target.{}.{}", schema, quote_name(target.table));
  connection.begin();
  if (!target.schema.empty())
    connection.execute(fmt::format("CREATE SCHEMA IF NOT EXISTS target.{}", schema));
  connection.execute(
      fmt::format("CREATE {}TABLE {} AS FROM memory.output", options.replace ? "OR REPLACE " : "", name));
  if (!options.comment.empty())
    connection.execute(fmt::format("COMMENT ON TABLE {} IS {}", name, quote_text(options.comment)));
  check_count(target, query_count(connection, fmt::format("SELECT count(*) FROM {}", name)), table.rows);
  before_commit();
  connection.commit();
}

void create_database(Connection& connection, const fs::path& file) {
  connection.execute(fmt::format("ATTACH {} AS target (TYPE duckdb, STORAGE_VERSION {})",
                                 quote_text(file.string()), quote_text(kStorageVersion)));
}

void write_in_place(const OutputTarget& target, const Table& table, const WriteOptions& options) {
  const bool is_new = !fs::exists(target.file);
  NewDatabase guard(is_new ? target.file : fs::path());
  Connection connection = open_duckdb();  // closed before the guard removes the file
  ingest_table(connection, {"", "", "output"}, table);
  if (is_new) {
    create_database(connection, target.file);
  } else {
    attach_database(connection, target.file, "target", false);
  }
  commit_table(connection, target, table, options, [&] {
    if (options.before_commit) options.before_commit({});
  });
  guard.keep();
  if (options.after_commit) options.after_commit();
  try {
    connection.execute("DETACH target");
  } catch (const DriverError&) {
    // The commit stands in the log beside the file; the next to open the database merges it.
  }
}

// A database that is not there yet, made beside its place.
void write_new_database(const OutputTarget& target, const Table& table, const WriteOptions& options) {
  PendingFile file(target.file, options.mark);
  const fs::path log(file.path().string() + ".wal");
  NewDatabase guard(file.path());
  {
    Connection connection = open_duckdb();
    ingest_table(connection, {"", "", "output"}, table);
    std::error_code ignored;
    fs::remove(file.path(), ignored);  // an empty file is no database
    create_database(connection, file.path());
    commit_table(connection, target, table, options, [] {});
    connection.execute("CHECKPOINT target");
    connection.execute("DETACH target");
  }
  if (fs::exists(log)) fail(ErrorCode::kIo, "output '{}': its log was not merged", target.display());
  file.flush();
  if (options.before_commit) options.before_commit(file.path());
  file.publish();
  guard.keep();
  if (options.after_commit) options.after_commit();
}

void write_duckdb(const OutputTarget& target, const Table& table, const WriteOptions& options) {
  try {
    if (!options.mark.empty() && !fs::exists(target.file))
      write_new_database(target, table, options);
    else
      write_in_place(target, table, options);
  } catch (const DriverError& error) {
    if (!error.already_exists && std::string(error.what()).find("already exists") == std::string::npos) throw;
    fail(ErrorCode::kSpec, "output '{}': the table exists already and is left as it is; name a new table",
         target.display());
  }
}

void write_file(const OutputTarget& target, const Table& table, const WriteOptions& options) {
  PendingFile file(target.file, options.mark);
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
  file.flush();
  if (options.before_commit) options.before_commit(file.path());
  file.publish(options.replace);
  if (options.after_commit) options.after_commit();
}

}  // namespace

void write_table(const OutputTarget& target, const Table& table, const WriteOptions& options) {
  RLE_CHECK(!table.columns.empty());
  if (!options.replace) check_output_is_new(target);
  try {
    if (target.kind == OutputTarget::Kind::kDuckdbTable) {
      write_duckdb(target, table, options);
    } else {
      write_file(target, table, options);
    }
  } catch (const DriverError& error) {
    fail(ErrorCode::kIo, "output '{}' could not be written: {}; nothing was kept", target.display(),
         one_line(error.what()));
  }
}

}  // namespace rle
