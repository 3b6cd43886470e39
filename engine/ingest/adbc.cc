#include "ingest/adbc.h"

#include <arrow-adbc/adbc.h>
#include <arrow-adbc/adbc_driver_manager.h>

#include <cerrno>

#include "ingest/arrow_check.h"

namespace rle::ingest {
namespace {

struct ErrorSlot {
  AdbcError value = ADBC_ERROR_INIT;
  ~ErrorSlot() { clear(); }
  void clear() {
    if (value.release != nullptr) value.release(&value);
    value = ADBC_ERROR_INIT;
  }
  AdbcError* fresh() {
    clear();
    return &value;
  }
};

// "INTERNAL: Binder Error: what was wrong\n\nLINE 1: ..." -> "Binder Error: what was wrong"
std::string readable(std::string text) {
  if (const size_t line = text.find("\n\nLINE "); line != std::string::npos) text.resize(line);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

void check(AdbcStatusCode status, ErrorSlot& error) {
  if (status == ADBC_STATUS_OK) return;
  std::string message = error.value.message != nullptr ? error.value.message : AdbcStatusCodeMessage(status);
  throw DriverError(readable(std::move(message)), status == ADBC_STATUS_ALREADY_EXISTS);
}

class Statement {
 public:
  explicit Statement(AdbcConnection* connection) {
    check(AdbcStatementNew(connection, &value_, error_.fresh()), error_);
  }
  ~Statement() { AdbcStatementRelease(&value_, error_.fresh()); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void set_query(const std::string& sql) {
    check(AdbcStatementSetSqlQuery(&value_, sql.c_str(), error_.fresh()), error_);
  }
  void set_option(const char* key, const std::string& value) {
    check(AdbcStatementSetOption(&value_, key, value.c_str(), error_.fresh()), error_);
  }
  void bind(ArrowArrayStream& stream) {
    check(AdbcStatementBindStream(&value_, &stream, error_.fresh()), error_);
  }
  int64_t execute(ArrowArrayStream* out) {
    int64_t affected = -1;
    const AdbcStatusCode status = AdbcStatementExecuteQuery(&value_, out, &affected, error_.fresh());
    if (status != ADBC_STATUS_OK && out != nullptr) *out = {};
    check(status, error_);
    return affected;
  }

 private:
  AdbcStatement value_{};
  ErrorSlot error_;
};

}  // namespace

struct BatchStream::Impl {
  explicit Impl(AdbcConnection* connection) : statement(connection) {}
  ~Impl() {
    if (batch.release != nullptr) batch.release(&batch);
    if (schema.release != nullptr) schema.release(&schema);
    if (stream.release != nullptr) stream.release(&stream);
  }

  void stream_check(int status) {
    if (status == 0) return;
    const char* text = stream.get_last_error(&stream);
    throw DriverError(readable(text != nullptr ? text : "the driver's stream failed without a message"),
                      false);
  }

  Statement statement;  // outlives the stream: members are destroyed in reverse
  ArrowArrayStream stream{};
  ArrowSchema schema{};
  ArrowArray batch{};
};

BatchStream::BatchStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BatchStream::~BatchStream() = default;
BatchStream::BatchStream(BatchStream&&) noexcept = default;

const ArrowSchema& BatchStream::schema() const { return impl_->schema; }

const ArrowArray* BatchStream::next() {
  if (impl_->batch.release != nullptr) impl_->batch.release(&impl_->batch);
  impl_->batch = {};
  impl_->stream_check(impl_->stream.get_next(&impl_->stream, &impl_->batch));
  if (impl_->batch.release == nullptr) return nullptr;
  check_batch(impl_->schema, impl_->batch);
  return &impl_->batch;
}

struct Connection::Impl {
  AdbcDatabase database{};
  AdbcConnection connection{};
  ErrorSlot error;
  bool database_made = false, connection_made = false;

  ~Impl() {
    if (connection_made) AdbcConnectionRelease(&connection, error.fresh());
    if (database_made) AdbcDatabaseRelease(&database, error.fresh());
  }
  void set_autocommit(const char* value) {
    check(AdbcConnectionSetOption(&connection, ADBC_CONNECTION_OPTION_AUTOCOMMIT, value, error.fresh()),
          error);
  }
};

Connection::Connection(const std::string& driver, const Options& options) : impl_(std::make_unique<Impl>()) {
  ErrorSlot& error = impl_->error;
  check(AdbcDatabaseNew(&impl_->database, error.fresh()), error);
  impl_->database_made = true;
  check(AdbcDatabaseSetOption(&impl_->database, "driver", driver.c_str(), error.fresh()), error);
  for (const auto& [key, value] : options) {
    check(AdbcDatabaseSetOption(&impl_->database, key.c_str(), value.c_str(), error.fresh()), error);
  }
  check(AdbcDatabaseInit(&impl_->database, error.fresh()), error);
  check(AdbcConnectionNew(&impl_->connection, error.fresh()), error);
  impl_->connection_made = true;
  check(AdbcConnectionInit(&impl_->connection, &impl_->database, error.fresh()), error);
}

Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;

void Connection::execute(const std::string& sql) {
  BatchStream stream = query(sql);
  while (stream.next() != nullptr) {
  }
}

BatchStream Connection::query(const std::string& sql) {
  auto impl = std::make_unique<BatchStream::Impl>(&impl_->connection);
  impl->statement.set_query(sql);
  impl->statement.execute(&impl->stream);
  impl->stream_check(impl->stream.get_schema(&impl->stream, &impl->schema));
  check_schema(impl->schema);
  return BatchStream(std::move(impl));
}

int64_t Connection::ingest_create(const IngestTarget& target, ArrowArrayStream& stream) {
  Statement statement(&impl_->connection);
  statement.set_option(ADBC_INGEST_OPTION_TARGET_TABLE, target.table);
  if (!target.catalog.empty()) statement.set_option(ADBC_INGEST_OPTION_TARGET_CATALOG, target.catalog);
  if (!target.schema.empty()) statement.set_option(ADBC_INGEST_OPTION_TARGET_DB_SCHEMA, target.schema);
  statement.set_option(ADBC_INGEST_OPTION_MODE, ADBC_INGEST_OPTION_MODE_CREATE);
  statement.bind(stream);
  return statement.execute(nullptr);
}

void Connection::begin() { impl_->set_autocommit(ADBC_OPTION_VALUE_DISABLED); }

void Connection::commit() {
  check(AdbcConnectionCommit(&impl_->connection, impl_->error.fresh()), impl_->error);
  impl_->set_autocommit(ADBC_OPTION_VALUE_ENABLED);
}

void Connection::rollback() {
  check(AdbcConnectionRollback(&impl_->connection, impl_->error.fresh()), impl_->error);
  impl_->set_autocommit(ADBC_OPTION_VALUE_ENABLED);
}

}  // namespace rle::ingest
