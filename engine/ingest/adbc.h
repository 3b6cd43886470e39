// ADBC behind three owners: a database connection, a stream of record batches, and the rules between them. A
// failure is a DriverError with the driver's own message, or one that says how an array of it does not hold
// together (arrow_check.h); the callers know which file or table it was about and say so. Rules kept here,
// found with libduckdb 1.5.6: a statement whose query was refused is never executed (the library aborts), and
// the stream of a failed execution is never released (it holds a stale pointer).
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

struct ArrowArray;
struct ArrowArrayStream;
struct ArrowSchema;

namespace rle::ingest {

class DriverError : public std::runtime_error {
 public:
  DriverError(std::string message, bool exists)
      : std::runtime_error(std::move(message)), already_exists(exists) {}
  bool already_exists;  // ADBC_STATUS_ALREADY_EXISTS
};

// The batches of a query. Owns the statement and the stream, and the current batch; used from one thread.
// Must not outlive its connection.
class BatchStream {
 public:
  ~BatchStream();
  BatchStream(BatchStream&&) noexcept;

  const ArrowSchema& schema() const;  // a struct: one child a column
  // The next batch, valid until the next call; nullptr at the end.
  const ArrowArray* next();

 private:
  friend class Connection;
  struct Impl;
  explicit BatchStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What an ingest takes: where to, and the stream that it consumes.
struct IngestTarget {
  std::string catalog;  // empty: the current one
  std::string schema;   // empty: the current one
  std::string table;
};

// An open database with one connection. Used from one thread.
class Connection {
 public:
  using Options = std::vector<std::pair<std::string, std::string>>;

  // driver: path of the driver's shared library; options: "entrypoint", "path", ... as its documentation
  // names them.
  Connection(const std::string& driver, const Options& options);
  ~Connection();
  Connection(Connection&&) noexcept;

  void execute(const std::string& sql);
  BatchStream query(const std::string& sql);
  // Creates the table from the stream (moved from) and returns the driver's count of rows, or -1.
  int64_t ingest_create(const IngestTarget& target, ArrowArrayStream& stream);

  void begin();     // from here on, one transaction
  void commit();    // ends it
  void rollback();  // ends it

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rle::ingest
