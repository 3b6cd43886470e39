#include "server/sqlite.h"

#include <sqlite3.h>

#include "base/error.h"

namespace rle {
namespace {

constexpr int kBusyMilliseconds = 10'000;

}  // namespace

SqliteConnection::SqliteConnection(const std::filesystem::path& file, bool read_only) : file_(file.string()) {
  const int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(file_.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK) {
    const std::string why = handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory";
    sqlite3_close_v2(handle_);
    fail(ErrorCode::kIo, "'{}' cannot be opened: {}", file_, why);
  }
  sqlite3_busy_timeout(handle_, kBusyMilliseconds);
}

SqliteConnection::~SqliteConnection() {
  for (const auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

sqlite3_stmt* SqliteConnection::take(std::string_view sql) const {
  if (const auto found = prepared_.find(std::string(sql)); found != prepared_.end()) {
    sqlite3_stmt* statement = found->second;
    prepared_.erase(found);
    return statement;
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &statement, nullptr) != SQLITE_OK)
    fail_with(sql);
  return statement;
}

void SqliteConnection::give_back(sqlite3_stmt* statement) const noexcept {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  try {
    prepared_.emplace(sqlite3_sql(statement), statement);
  } catch (const std::bad_alloc&) {
    sqlite3_finalize(statement);
  }
}

void SqliteConnection::fail_with(std::string_view what) const {
  fail(ErrorCode::kIo, "'{}': {} ({})", file_, sqlite3_errmsg(handle_), what.substr(0, what.find('\n')));
}

void SqliteConnection::execute(const char* sql) const {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail_with(sql);
}

int64_t SqliteConnection::changes() const { return sqlite3_changes64(handle_); }
int64_t SqliteConnection::last_row() const { return sqlite3_last_insert_rowid(handle_); }

int64_t SqliteConnection::query_integer(std::string_view sql) const {
  SqliteStatement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

SqliteStatement::SqliteStatement(const SqliteConnection& connection, std::string_view sql)
    : connection_(connection), statement_(connection.take(sql)) {}

SqliteStatement::~SqliteStatement() { connection_.give_back(statement_); }

SqliteStatement& SqliteStatement::bind(int64_t value) {
  sqlite3_bind_int64(statement_, ++bound_, value);
  return *this;
}

SqliteStatement& SqliteStatement::bind(std::string_view value) {
  sqlite3_bind_text64(statement_, ++bound_, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

SqliteStatement& SqliteStatement::bind(const std::optional<int64_t>& value) {
  if (value) return bind(*value);
  sqlite3_bind_null(statement_, ++bound_);
  return *this;
}

SqliteStatement& SqliteStatement::bind_text_or_null(const std::string& value) {
  if (!value.empty()) return bind(std::string_view(value));
  sqlite3_bind_null(statement_, ++bound_);
  return *this;
}

bool SqliteStatement::step() {
  const int status = sqlite3_step(statement_);
  if (status == SQLITE_ROW) return true;
  if (status != SQLITE_DONE) connection_.fail_with(sqlite3_sql(statement_));
  return false;
}

void SqliteStatement::run() {
  while (step()) {
  }
}

int64_t SqliteStatement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string SqliteStatement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return "";
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

std::optional<int64_t> SqliteStatement::integer_or_null(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return integer(column);
}

}  // namespace rle
