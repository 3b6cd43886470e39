// SQLite behind two owners: a connection and a statement. Failures are Error{kIo} with SQLite's message.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace rle {

class SqliteConnection;

// Bound from the left, then stepped row by row. The connection keeps what was prepared for the next use of
// the same text. One thread; must not outlive its connection.
class SqliteStatement {
 public:
  SqliteStatement(const SqliteConnection& connection, std::string_view sql);
  ~SqliteStatement();
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  SqliteStatement& bind(int64_t value);
  SqliteStatement& bind(std::string_view value);
  SqliteStatement& bind(const std::optional<int64_t>& value);
  SqliteStatement& bind_text_or_null(const std::string& value);  // empty: null

  // Whether there is a row.
  bool step();
  void run();  // a statement without rows

  int64_t integer(int column) const;
  std::string text(int column) const;  // null: ""
  std::optional<int64_t> integer_or_null(int column) const;

 private:
  const SqliteConnection& connection_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

// One thread at a time.
class SqliteConnection {
 public:
  // Makes the file where it is missing and `read_only` is not set.
  SqliteConnection(const std::filesystem::path& file, bool read_only);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  void execute(const char* sql) const;
  int64_t changes() const;  // rows of the last statement
  int64_t last_row() const;
  int64_t query_integer(std::string_view sql) const;

 private:
  friend class SqliteStatement;
  [[noreturn]] void fail_with(std::string_view what) const;

  // A statement that is free, or a new one.
  sqlite3_stmt* take(std::string_view sql) const;
  void give_back(sqlite3_stmt* statement) const noexcept;

  sqlite3* handle_ = nullptr;
  std::string file_;
  mutable std::unordered_multimap<std::string, sqlite3_stmt*> prepared_;  // free ones, by their text
};

}  // namespace rle
