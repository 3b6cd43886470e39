// Where an output goes: reading its text, and the check that nothing is there yet.
#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "ingest/duckdb_session.h"
#include "ingest/output_file.h"
#include "ingest/writer.h"

namespace rle {
namespace fs = std::filesystem;
using namespace ingest;

namespace {

constexpr size_t kMaxNameBytes = 128;  // room for an alias of 100
constexpr std::string_view kForms = "FILE.parquet, FILE.csv, FILE.duckdb::[SCHEMA.]TABLE";

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

// "table" or "schema.table" into target.
void parse_table(const std::string& text, const std::string& name, OutputTarget& target) {
  const size_t dot = name.find('.');
  target.schema = dot == std::string::npos ? "" : name.substr(0, dot);
  target.table = dot == std::string::npos ? name : name.substr(dot + 1);
  if (!is_name(target.table) || (dot != std::string::npos && !is_name(target.schema))) {
    fail(ErrorCode::kSpec,
         "output '{}': '{}' is no table name; expected TABLE or SCHEMA.TABLE of 1 to {} letters, digits and "
         "underscores",
         text, name, kMaxNameBytes);
  }
}

bool has_file_ending(const std::string& text) {
  for (const char* ending : {".pkl", ".pickle", ".json", ".ndjson", ".jsonl", ".xlsx", ".xls", ".feather",
                             ".arrow", ".tsv", ".txt", ".gz", ".pq", ".duckdb", ".ddb", ".db"}) {
    if (text.ends_with(ending)) return true;
  }
  return text.find('/') != std::string::npos;
}

}  // namespace

std::string OutputTarget::display() const {
  if (kind != Kind::kDuckdbTable) return file.string();
  return fmt::format("{}::{}{}", file.string(), schema.empty() ? "" : schema + ".", table);
}

OutputTarget parse_output(const std::string& text, const fs::path& database, const fs::path& base_folder) {
  OutputTarget target;
  const auto place = [&](const fs::path& path) { return (base_folder / path).lexically_normal(); };
  if (text.empty()) fail(ErrorCode::kSpec, "the output is empty; expected {}", kForms);
  if (const size_t colons = text.rfind("::"); colons != std::string::npos) {
    if (colons == 0)
      fail(ErrorCode::kSpec, "output '{}' names no file before '::'; expected {}", text, kForms);
    target.file = place(text.substr(0, colons));
    parse_table(text, text.substr(colons + 2), target);
    return target;
  }
  if (text.ends_with(".parquet") || text.ends_with(".csv")) {
    target.kind = text.ends_with(".csv") ? OutputTarget::Kind::kCsv : OutputTarget::Kind::kParquet;
    target.file = place(text);
    return target;
  }
  if (has_file_ending(text)) {
    fail(ErrorCode::kSpec, "output '{}': this form is not written; expected {}", text, kForms);
  }
  if (database.empty()) {
    fail(ErrorCode::kSpec, "output '{}' names a table but no database; expected {}", text, kForms);
  }
  target.file = place(database);
  parse_table(text, text, target);
  return target;
}

void check_output_is_new(const OutputTarget& target) {
  std::error_code ignored;
  const bool exists = fs::exists(fs::symlink_status(target.file, ignored));
  if (!exists) {
    check_folder(target.file);
    return;
  }
  if (target.kind != OutputTarget::Kind::kDuckdbTable) {
    fail(ErrorCode::kSpec,
         "output '{}' exists already and is left as it is; name a new file, or remove it first",
         target.file.string());
  }
  Connection connection = open_duckdb();
  try {
    attach_database(connection, target.file, "target", true);
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), "database");  // not one that is there, but one that can't be read
  }
  const std::string schema = target.schema.empty() ? "main" : target.schema;
  const int64_t found = query_count(
      connection,
      fmt::format(
          "SELECT count(*) FROM (SELECT database_name, schema_name, table_name AS name FROM duckdb_tables() "
          "UNION ALL SELECT database_name, schema_name, view_name FROM duckdb_views()) WHERE "
          "database_name = 'target' AND lower(schema_name) = lower({}) AND lower(name) = lower({})",
          quote_text(schema), quote_text(target.table)));
  if (found > 0) {
    fail(ErrorCode::kSpec,
         "output '{}': the table exists already and is left as it is; name a new table, or drop it first",
         target.display());
  }
}

void check_output_can_be_made(const OutputTarget& target) {
  fs::path folder = folder_of(target.file);
  std::error_code ignored;
  if (fs::exists(folder, ignored)) return check_output_is_new(target);
  while (!fs::exists(folder, ignored) && folder.has_relative_path()) folder = folder.parent_path();
  check_folder(target.file, folder);
}

void make_output_folder(const OutputTarget& target) {
  std::error_code error;
  fs::create_directories(folder_of(target.file), error);
  if (error)
    fail(ErrorCode::kIo, "output '{}': its folder could not be made: {}", target.file.string(),
         error.message());
}

}  // namespace rle
