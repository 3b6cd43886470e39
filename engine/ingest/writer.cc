#include "ingest/writer.h"

#include <functional>
#include <memory>

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

// Where the rows of an output wait in memory.
std::string waiting(size_t output) { return fmt::format("output{}", output); }

void ingest_tables(Connection& connection, const std::vector<TableOutput>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i)
    ingest_table(connection, {"", "", waiting(i)}, *outputs[i].table);
}

void create_table(Connection& connection, const OutputTarget& target, const std::string& name,
                  const std::string& rows, bool replace) {
  try {
    connection.execute(
        fmt::format("CREATE {}TABLE {} AS FROM memory.{}", replace ? "OR REPLACE " : "", name, rows));
  } catch (const DriverError& error) {
    if (!error.already_exists && std::string(error.what()).find("already exists") == std::string::npos) throw;
    fail(ErrorCode::kSpec, "output '{}': the table exists already and is left as it is; name a new table",
         target.display());
  }
}

// The rows wait in memory; the database is attached as `target`.
void commit_tables(Connection& connection, const std::vector<TableOutput>& outputs,
                   const WriteOptions& options, const std::function<void()>& before_commit) {
  connection.begin();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const OutputTarget& target = outputs[i].target;
    const std::string schema = quote_name(target.schema.empty() ? "main" : target.schema);
    const std::string name = fmt::format("target.{}.{}", schema, quote_name(target.table));
    if (!target.schema.empty())
      connection.execute(fmt::format("CREATE SCHEMA IF NOT EXISTS target.{}", schema));
    create_table(connection, target, name, waiting(i), options.replace);
    if (!options.comment.empty())
      connection.execute(fmt::format("COMMENT ON TABLE {} IS {}", name, quote_text(options.comment)));
    check_count(target, query_count(connection, fmt::format("SELECT count(*) FROM {}", name)),
                outputs[i].table->rows);
  }
  before_commit();
  connection.commit();
}

void create_database(Connection& connection, const fs::path& file) {
  connection.execute(fmt::format("ATTACH {} AS target (TYPE duckdb, STORAGE_VERSION {})",
                                 quote_text(file.string()), quote_text(kStorageVersion)));
}

void write_in_place(const std::vector<TableOutput>& outputs, const WriteOptions& options) {
  const fs::path& database = outputs[0].target.file;
  const bool is_new = !fs::exists(database);
  NewDatabase guard(is_new ? database : fs::path());
  Connection connection = open_duckdb();  // closed before the guard removes the file
  ingest_tables(connection, outputs);
  if (is_new) {
    create_database(connection, database);
  } else {
    attach_database(connection, database, "target", false);
  }
  commit_tables(connection, outputs, options, [&] {
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
void write_new_database(const std::vector<TableOutput>& outputs, const WriteOptions& options) {
  const OutputTarget& target = outputs[0].target;
  PendingFile file(target.file, options.mark);
  const fs::path log(file.path().string() + ".wal");
  NewDatabase guard(file.path());
  {
    Connection connection = open_duckdb();
    ingest_tables(connection, outputs);
    std::error_code ignored;
    fs::remove(file.path(), ignored);  // an empty file is no database
    create_database(connection, file.path());
    commit_tables(connection, outputs, options, [] {});
    connection.execute("CHECKPOINT target");
    connection.execute("DETACH target");
  }
  if (fs::exists(log)) fail(ErrorCode::kIo, "output '{}': its log was not merged", target.display());
  file.flush();
  if (options.before_commit) options.before_commit({file.path()});
  file.publish();
  guard.keep();
  if (options.after_commit) options.after_commit();
}

[[noreturn]] void fail_write(const OutputTarget& target, const DriverError& error) {
  fail(ErrorCode::kIo, "output '{}' could not be written: {}; nothing was kept", target.display(),
       one_line(error.what()));
}

void write_file(const TableOutput& output, PendingFile& file) {
  Connection connection = open_duckdb();
  ingest_table(connection, {"", "", "output"}, *output.table);
  const std::string path = file.path().string();
  const bool csv = output.target.kind == OutputTarget::Kind::kCsv;
  connection.execute(fmt::format("COPY output TO {} ({}, USE_TMP_FILE false)", quote_text(path),
                                 csv ? "FORMAT csv, HEADER" : "FORMAT parquet"));
  check_count(output.target, query_count(connection, "SELECT count(*) FROM output"), output.table->rows);
  if (!csv) {
    const std::string written = fmt::format("SELECT count(*) FROM read_parquet({})", quote_text(path));
    check_count(output.target, query_count(connection, written), output.table->rows);
  }
  file.flush();
}

void write_files(const std::vector<TableOutput>& outputs, const WriteOptions& options) {
  PendingFiles files;
  std::vector<fs::path> paths;
  for (const TableOutput& output : outputs) {
    files.push_back(std::make_unique<PendingFile>(output.target.file, options.mark));
    paths.push_back(files.back()->path());
    try {
      write_file(output, *files.back());
    } catch (const DriverError& error) {
      fail_write(output.target, error);
    }
  }
  if (options.before_commit) options.before_commit(paths);
  publish_all(files, options.replace, options.between_renames);
  if (options.after_commit) options.after_commit();
}

}  // namespace

void write_tables(const std::vector<TableOutput>& outputs, const WriteOptions& options) {
  RLE_CHECK(!outputs.empty());
  const OutputTarget& first = outputs[0].target;
  const bool database = first.kind == OutputTarget::Kind::kDuckdbTable;
  for (const TableOutput& output : outputs) {
    RLE_CHECK(!output.table->columns.empty() && output.target.kind == first.kind);
    RLE_CHECK(!database || output.target.file == first.file);
    if (!options.replace) check_output_is_new(output.target);
  }
  try {
    if (!database) {
      write_files(outputs, options);
    } else if (!options.mark.empty() && !fs::exists(first.file)) {
      write_new_database(outputs, options);
    } else {
      write_in_place(outputs, options);
    }
  } catch (const DriverError& error) {
    fail_write(first, error);
  }
}

}  // namespace rle
