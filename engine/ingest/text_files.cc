#include "ingest/text_files.h"

#include <algorithm>

#include "base/error.h"

namespace rle::ingest {
namespace {

struct TypedName {
  std::string name, type;
  bool is_timestamp() const { return type.starts_with("TIMESTAMP"); }
};

constexpr std::string_view kCsvOptions =
    "header = true, skip = 0, comment = '', dateformat = '%Y-%m-%d', hive_partitioning = false";
constexpr std::string_view kJsonOptions =
    "sample_size = -1, dateformat = '%Y-%m-%d', union_by_name = true, hive_partitioning = false";

std::vector<TypedName> describe(Connection& connection, const std::string& function) {
  std::vector<TypedName> columns;
  const std::string sql =
      fmt::format("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {})", function);
  for (const auto& row : query_texts(connection, sql)) columns.push_back({row[0], row[1]});
  return columns;
}

// {'name': 'TYPE', ...}
std::string type_map(const std::vector<TypedName>& columns) {
  std::string map;
  for (const TypedName& column : columns) {
    map += fmt::format("{}{}: {}", map.empty() ? "" : ", ", quote_text(column.name), quote_text(column.type));
  }
  return "{" + map + "}";
}

bool any_timestamp(const std::vector<TypedName>& columns) {
  return std::any_of(columns.begin(), columns.end(), [](const TypedName& c) { return c.is_timestamp(); });
}

// A header that could not be split because no delimiter divides all lines alike.
void check_header(const std::string& source, const std::vector<TypedName>& columns) {
  if (columns.size() != 1 || columns[0].name.find_first_of(",;\t|") == std::string::npos) return;
  fail(ErrorCode::kSpec,
       "source '{}': the lines do not all have as many values as the header '{}'; check quotes and missing "
       "commas",
       source, columns[0].name);
}

// One pass over the file settles dialect and types; the reads that follow are told both.
std::string single_csv(Connection& connection, const std::string& source, const std::string& file) {
  const auto rows = query_texts(
      connection,
      fmt::format(
          "SELECT Delimiter, Quote, Escape, NewLineDelimiter, TimestampFormat, unnest(Columns, recursive := "
          "true) FROM sniff_csv({}, sample_size = -1, {})",
          file, kCsvOptions));
  RLE_CHECK(!rows.empty() && rows[0].size() == 7);
  const auto option = [&](size_t at) { return rows[0][at] == "(empty)" ? std::string() : rows[0][at]; };
  const std::string format = option(4);
  const bool iso = format.empty() || format.starts_with("%Y-%m-%d");
  std::vector<TypedName> columns;
  for (const auto& row : rows) {
    columns.push_back({row[5], row[6]});
    if (!iso && columns.back().is_timestamp()) columns.back().type = "VARCHAR";
  }
  check_header(source, columns);
  std::string dialect = fmt::format("delim = {}, quote = {}, escape = {}", quote_text(option(0)),
                                    quote_text(option(1)), quote_text(option(2)));
  if (!option(3).empty()) dialect += fmt::format(", new_line = {}", quote_text(option(3)));
  if (iso && !format.empty()) dialect += fmt::format(", timestampformat = {}", quote_text(format));
  return fmt::format("read_csv({}, auto_detect = false, {}, {}, columns = {})", file, kCsvOptions, dialect,
                     type_map(columns));
}

// Several files may differ in dialect and columns: DuckDB looks at each. A column that is no timestamp where
// only ISO is allowed stays text. (Given a format, DuckDB calls every timestamp zoned: so that read is only
// asked for its types.)
std::string many_csv(Connection& connection, const std::string& source, const std::string& pattern) {
  const std::string start =
      fmt::format("read_csv({}, sample_size = -1, union_by_name = true, {}", pattern, kCsvOptions);
  std::vector<TypedName> columns = describe(connection, start + ")");
  check_header(source, columns);
  if (!any_timestamp(columns)) return start + ")";
  const std::vector<TypedName> iso = describe(connection, start + ", timestampformat = 'iso')");
  std::vector<TypedName> text;
  for (size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].is_timestamp() && !iso[c].is_timestamp()) text.push_back({columns[c].name, "VARCHAR"});
  }
  return text.empty() ? start + ")" : fmt::format("{}, types = {})", start, type_map(text));
}

}  // namespace

std::string csv_function(Connection& connection, const std::string& source, const SourcePath& path) {
  const std::string pattern = quote_text(path.pattern);
  return path.is_glob ? many_csv(connection, source, pattern) : single_csv(connection, source, pattern);
}

std::string json_function(Connection& connection, const SourcePath& path) {
  const std::string start = fmt::format("read_json({}, {}", quote_text(path.pattern), kJsonOptions);
  std::vector<TypedName> columns = describe(connection, start + ")");
  if (!any_timestamp(columns)) return start + ")";
  std::vector<TypedName> text = columns;
  std::string checks;
  for (TypedName& column : text) {
    if (!column.is_timestamp()) continue;
    column.type = "VARCHAR";
    checks += fmt::format("{}CAST(coalesce(bool_and(regexp_matches({}, '^[0-9]{{4}}-')), true) AS VARCHAR)",
                          checks.empty() ? "" : ", ", quote_name(column.name));
  }
  const auto is_iso =
      query_texts(connection, fmt::format("SELECT {} FROM {}, columns = {})", checks, start, type_map(text)))
          .at(0);
  size_t next = 0;
  for (size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].is_timestamp() && is_iso[next++] == "true") text[c].type = columns[c].type;
  }
  return fmt::format("{}, columns = {})", start, type_map(text));
}

}  // namespace rle::ingest
