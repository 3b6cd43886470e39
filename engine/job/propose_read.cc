// The data that a proposal looks at.
#include <algorithm>
#include <map>

#include "base/error.h"
#include "ingest/database_tables.h"
#include "job/propose.h"

namespace rle {
namespace fs = std::filesystem;

namespace {

struct Found {
  std::string name, source;
};

bool is_data_file(const fs::path& file) {
  constexpr const char* kEndings[] = {".parquet", ".csv", ".json"};
  const std::string ending = file.extension().string();
  return std::any_of(std::begin(kEndings), std::end(kEndings),
                     [&](const char* known) { return ending == known; });
}

// A table's name without what names may not hold; numbered where taken.
std::string table_name(std::string name, const std::vector<Found>& taken) {
  for (char& c : name)
    if (c == '.' || c == '/') c = '_';
  std::string unique = name;
  const auto is_taken = [&](const Found& other) { return other.name == unique; };
  for (int number = 2; std::any_of(taken.begin(), taken.end(), is_taken); ++number)
    unique = fmt::format("{}_{}", name, number);
  return unique;
}

std::vector<Found> tables_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && is_data_file(entry.path())) files.push_back(entry.path().filename());
  std::sort(files.begin(), files.end());
  std::vector<Found> found;
  for (const fs::path& file : files)
    found.push_back({table_name(file.stem().string(), found), file.string()});
  if (found.empty())
    fail(ErrorCode::kSpec,
         "{}: no .parquet, .csv or .json file is in it; name the folder of the tables, or a .duckdb file",
         folder.string());
  return found;
}

std::vector<Found> tables_of(const fs::path& database) {
  std::vector<Found> found;
  for (const std::string& table : database_tables(database))
    found.push_back({table_name(table, found), table});
  if (found.empty()) fail(ErrorCode::kSpec, "{}: the database has no tables", database.string());
  return found;
}

KeyValues distinct_values(const Column& column) {
  KeyValues out;
  out.rows = column.rows;
  out.nulls = column.null_count();
  if (column.type == PhysicalType::kInt64) {
    for (int64_t row = 0; row < column.rows; ++row)
      if (!column.is_null(row)) out.integers.push_back(column.ints[static_cast<size_t>(row)]);
    std::sort(out.integers.begin(), out.integers.end());
    out.integers.erase(std::unique(out.integers.begin(), out.integers.end()), out.integers.end());
  } else if (column.type == PhysicalType::kString) {
    std::vector<uint8_t> used(static_cast<size_t>(column.strings->size()));
    for (int64_t row = 0; row < column.rows; ++row)
      if (!column.is_null(row)) used[static_cast<size_t>(column.codes[static_cast<size_t>(row)])] = 1;
    for (size_t code = 0; code < used.size(); ++code)
      if (used[code] != 0) out.texts.emplace_back(column.strings->at(static_cast<int64_t>(code)));
  }
  return out;
}

ProposedTable read_table(SourceReader& reader, const Found& found, const std::string& source, Report& report,
                         const CancelToken* cancel) {
  ProposedTable table;
  table.name = found.name;
  table.source = found.source;
  std::vector<std::string> wanted;
  for (const SourceColumn& column : reader.columns(source)) {
    const ColumnFamily family = family_of(column);
    table.columns.push_back({column.name, family, {}});
    if (family == ColumnFamily::kInteger || family == ColumnFamily::kText) wanted.push_back(column.name);
  }
  TableSchema schema;
  schema.name = found.name;
  schema.source = source;
  const Table data = reader.read(schema, wanted, {}, report, cancel);
  table.rows = data.rows;
  for (CandidateColumn& column : table.columns)
    if (const Column* values = data.find(column.name)) column.values = distinct_values(*values);
  return table;
}

}  // namespace

std::vector<ProposedTable> read_candidates(const fs::path& folder, Report& report,
                                           const CancelToken* cancel) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) fail(ErrorCode::kSpec, "{}: no such folder", folder.string());
  const bool is_folder = fs::is_directory(folder, ignored);
  const std::vector<Found> found = is_folder ? tables_in(folder) : tables_of(folder);
  SourceReader reader(is_folder                      ? folder
                      : folder.parent_path().empty() ? fs::path(".")
                                                     : folder.parent_path());
  std::vector<ProposedTable> tables;
  std::optional<Error> last;
  for (const Found& table : found) {
    const std::string source =
        is_folder ? table.source : fmt::format("{}::{}", folder.filename().string(), table.source);
    report.info("reading {}", table.source);
    try {
      tables.push_back(read_table(reader, table, source, report, cancel));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInterrupted) throw;
      report.warning("{} is left out: {}", table.source, error.what());
      last = error;
    }
  }
  if (tables.empty()) throw *last;
  return tables;
}

}  // namespace rle
