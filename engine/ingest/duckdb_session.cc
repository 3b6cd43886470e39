#include "ingest/duckdb_session.h"

#include <algorithm>

#include "base/error.h"
#include "ingest/arrow_abi.h"
#include "ingest/arrow_import.h"
#include "ingest/duckdb_library.h"

namespace rle::ingest {
namespace {

std::string quote(std::string_view text, char mark) {
  std::string quoted(1, mark);
  for (char c : text) {
    if (c == mark) quoted.push_back(mark);
    quoted.push_back(c);
  }
  quoted.push_back(mark);
  return quoted;
}

std::vector<std::filesystem::path>& confines() {
  static std::vector<std::filesystem::path> folders;
  return folders;
}

void confine(Connection& connection) {
  if (confines().empty()) return;
  std::string list;
  for (const std::filesystem::path& folder : confines())
    list += (list.empty() ? "" : ", ") + quote(folder.string(), '\'');
  connection.execute(fmt::format("SET allowed_directories = [{}]", list));
  connection.execute("SET enable_external_access = false");
  connection.execute("SET lock_configuration = true");
}

}  // namespace

void confine_duckdb(std::vector<std::filesystem::path> folders) { confines() = std::move(folders); }
bool is_confined() { return !confines().empty(); }

Connection open_duckdb() {
  const std::string library = duckdb_library().string();
  try {
    Connection connection(library, {{"entrypoint", "duckdb_adbc_init"},
                                    {"path", ":memory:"},
                                    {"autoinstall_known_extensions", "false"},
                                    {"autoload_known_extensions", "false"},
                                    {"preserve_insertion_order", "true"},
                                    {"temp_directory", ""},
                                    {"threads", "2"}});
    connection.execute("SET TimeZone = 'UTC'");
    confine(connection);
    return connection;
  } catch (const DriverError& error) {
    fail(ErrorCode::kIo,
         "'{}' could not be used as DuckDB: {}; set RLE_DUCKDB_LIBRARY to a libduckdb.so of version 1.4 or "
         "later",
         library, error.what());
  }
}

std::string quote_name(std::string_view name) { return quote(name, '"'); }
std::string quote_text(std::string_view text) { return quote(text, '\''); }

std::vector<std::vector<std::string>> query_texts(Connection& connection, const std::string& sql) {
  BatchStream stream = connection.query(sql);
  const ArrowSchema& schema = stream.schema();
  std::vector<std::unique_ptr<ColumnImporter>> importers;
  for (int64_t c = 0; c < schema.n_children; ++c) {
    importers.push_back(
        make_importer(*schema.children[c], {.table = "catalog", .column = schema.children[c]->name}));
  }
  while (const ArrowArray* batch = stream.next()) {
    for (size_t c = 0; c < importers.size(); ++c) importers[c]->append(*batch->children[c]);
  }
  std::vector<std::vector<std::string>> rows;
  for (size_t c = 0; c < importers.size(); ++c) {
    const Column column = importers[c]->finish();
    RLE_CHECK(column.type == PhysicalType::kString);
    rows.resize(static_cast<size_t>(column.rows));
    for (int64_t row = 0; row < column.rows; ++row) {
      const bool null = column.is_null(row);
      rows[static_cast<size_t>(row)].emplace_back(
          null ? "" : column.strings->at(column.codes[static_cast<size_t>(row)]));
    }
  }
  return rows;
}

int64_t query_count(Connection& connection, const std::string& sql) {
  return std::stoll(query_texts(connection, fmt::format("SELECT CAST(({}) AS VARCHAR)", sql)).at(0).at(0));
}

std::string one_line(const std::string& driver_message) {
  std::string line;
  size_t begin = 0;
  while (begin < driver_message.size()) {
    const size_t end = std::min(driver_message.find('\n', begin), driver_message.size());
    const std::string_view part = std::string_view(driver_message).substr(begin, end - begin);
    begin = end + 1;
    if (part.starts_with("Possible") || part.starts_with("  file =") || part.starts_with("Potential")) break;
    if (part.empty()) continue;
    if (!line.empty()) line += "; ";
    line += part;
  }
  return line;
}

void attach_database(Connection& connection, const std::filesystem::path& file, const std::string& alias,
                     bool read_only) {
  try {
    connection.execute(fmt::format("ATTACH {} AS {} {}", quote_text(file.string()), quote_name(alias),
                                   read_only ? "(READ_ONLY, TYPE duckdb)" : "(TYPE duckdb)"));
  } catch (const DriverError& error) {
    fail_attach(file.string(), query_texts(connection, "SELECT version()").at(0).at(0), error.what());
  }
}

void fail_attach(const std::string& file, const std::string& version, const std::string& driver_message) {
  const std::string text = one_line(driver_message);
  const auto says = [&](const char* part) { return text.find(part) != std::string::npos; };
  if (says("version number")) {
    fail(ErrorCode::kSpec,
         "'{}' was written by a newer DuckDB than the one in use ({}); write it with ATTACH '...' "
         "(STORAGE_VERSION "
         "'v1.4.0'), export it to Parquet, or set RLE_DUCKDB_LIBRARY to a newer libduckdb.so ({})",
         file, version, text.substr(0, text.find(';')));
  }
  if (says("Could not set lock")) fail(ErrorCode::kIo, "'{}' is in use by another process: {}", file, text);
  if (says("Permission denied") || says("read-only") || says("Read-only")) {
    fail(ErrorCode::kIo, "'{}' cannot be opened: {}", file, text);
  }
  fail(ErrorCode::kSpec, "'{}' cannot be read as a DuckDB database: {}", file, text);
}

std::vector<CatalogEntry> list_tables(Connection& connection, const std::string& alias) {
  const std::string name = quote_text(alias);
  const auto rows = query_texts(
      connection,
      fmt::format(
          "SELECT schema_name, table_name, CASE WHEN contains(upper(sql), 'GENERATED ALWAYS') "
          "THEN 'a table with generated columns' ELSE '' END "
          "FROM duckdb_tables() WHERE database_name = {0} AND NOT internal "
          "UNION ALL SELECT schema_name, view_name, 'a view' FROM duckdb_views() WHERE database_name = {0} "
          "AND NOT internal ORDER BY 1, 2",
          name));
  std::vector<CatalogEntry> entries;
  for (const auto& row : rows) entries.push_back({row[0], row[1], row[2]});
  return entries;
}

const CatalogEntry* find_table(const std::vector<CatalogEntry>& entries, std::string_view name) {
  for (const CatalogEntry& entry : entries) {
    if (name == entry.display() || name == entry.schema + "." + entry.table) return &entry;
  }
  return nullptr;
}

}  // namespace rle::ingest
