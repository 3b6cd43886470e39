#include "ingest/relation.h"

#include <algorithm>

#include "base/error.h"
#include "ingest/arrow_abi.h"
#include "ingest/arrow_type.h"
#include "ingest/text_files.h"

namespace rle::ingest {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// Types of SQL that DuckDB sends as something else (text, bytes, a time) and that would be misread as that.
bool is_disguised(const std::string& sql_type) {
  for (const char* name : {"UUID", "BIT", "TIME WITH TIME ZONE", "BIGNUM", "VARINT", "GEOMETRY"}) {
    if (sql_type.starts_with(name)) return true;
  }
  return false;
}

std::vector<std::string> names_of(const std::vector<SourceColumn>& columns) {
  std::vector<std::string> names;
  for (const SourceColumn& column : columns) names.push_back(column.name);
  return names;
}

}  // namespace

void fail_source(ErrorCode code, const std::string& source, const DriverError& error) {
  const std::string text = one_line(error.what());
  const bool bad_text = text.find("unicode") != std::string::npos ||
                        text.find("UTF-8") != std::string::npos || text.find("utf-8") != std::string::npos ||
                        text.find("string encoding") != std::string::npos;
  if (text.find("No files found") != std::string::npos) {
    fail(ErrorCode::kSpec, "source '{}': no file matches", source);
  }
  if (text.find("disabled by configuration") != std::string::npos)
    fail(ErrorCode::kSpec, "source '{}' reads what is outside the data roots of the host: {}", source, text);
  fail(bad_text ? ErrorCode::kData : code, "source '{}' cannot be read: {}", source, text);
}

const SourceColumn* Relation::find(const std::string& column) const {
  const auto it =
      std::find_if(columns.begin(), columns.end(), [&](const SourceColumn& c) { return c.name == column; });
  return it == columns.end() ? nullptr : &*it;
}

const SourceColumn& Relation::require(const std::string& table, const std::string& column) const {
  const SourceColumn* found = find(column);
  if (found == nullptr) {
    fail(ErrorCode::kSpec, "table '{}': source '{}' has no column '{}'{}", table, source, column,
         suggestion(column, names_of(columns)));
  }
  if (!found->readable) {
    fail(ErrorCode::kSpec,
         "table '{}': column '{}' has the type {}, which cannot be read; cast it in the source (to varchar, "
         "a number, a date "
         "or a timestamp), or exclude it",
         table, column, found->type_name);
  }
  return *found;
}

RelationCatalog::RelationCatalog(Connection& connection, std::filesystem::path base_folder)
    : connection_(connection), base_folder_(std::move(base_folder)) {}

const Relation& RelationCatalog::open(const std::string& source) {
  const auto known = relations_.find(source);
  if (known != relations_.end()) return known->second;
  const SourcePath path = parse_source(source, base_folder_);
  try {
    Relation relation = path.kind == SourceKind::kDuckdb ? open_table(source, path) : open_file(source, path);
    return relations_.emplace(source, std::move(relation)).first->second;
  } catch (const DriverError& error) {
    fail_source(ErrorCode::kSpec, source, error);
  }
}

Relation RelationCatalog::open_file(const std::string& source, const SourcePath& path) {
  Relation relation;
  relation.source = source;
  relation.kind = path.kind;
  const std::string pattern = quote_text(path.pattern);
  switch (path.kind) {
    case SourceKind::kParquet:
      relation.sql = fmt::format("read_parquet({}, union_by_name = {}, hive_partitioning = false)", pattern,
                                 path.is_glob);
      break;
    case SourceKind::kJson:
      relation.sql = json_function(connection_, path);
      break;
    default:
      relation.sql = csv_function(connection_, source, path);
  }
  relation.columns = describe(relation, path.kind != SourceKind::kCsv);
  return relation;
}

Relation RelationCatalog::open_table(const std::string& source, const SourcePath& path) {
  const std::string file = path.file.string();
  auto alias = aliases_.find(file);
  if (alias == aliases_.end()) {
    const std::string name = fmt::format("source_{}", aliases_.size() + 1);
    attach_database(connection_, path.file, name, true);
    alias = aliases_.emplace(file, name).first;
  }
  const std::vector<CatalogEntry> entries = list_tables(connection_, alias->second);
  const CatalogEntry* entry = find_table(entries, path.table);
  if (entry == nullptr) {
    std::vector<std::string> names;
    for (const CatalogEntry& e : entries) names.push_back(e.display());
    fail(ErrorCode::kSpec, "source '{}': the database has no table '{}'{}", source, path.table,
         suggestion(path.table, names));
  }
  Relation relation;
  relation.source = source;
  relation.kind = path.kind;
  relation.sql =
      fmt::format("{}.{}.{}", quote_name(alias->second), quote_name(entry->schema), quote_name(entry->table));
  relation.computed = entry->computed;
  relation.columns = describe(relation, true);
  return relation;
}

std::vector<SourceColumn> RelationCatalog::describe(const Relation& relation, bool sql_types) {
  std::vector<SourceColumn> columns;
  {
    const BatchStream stream = connection_.query(fmt::format("SELECT * FROM {} LIMIT 0", relation.sql));
    const ArrowSchema& schema = stream.schema();
    for (int64_t c = 0; c < schema.n_children; ++c) {
      const ArrowSchema& field = *schema.children[c];
      const ArrowType type = parse_arrow_type(field);
      const bool items = is_list(type.kind) && field.n_children == 1;
      columns.push_back(
          {field.name, field.format, type.name, is_readable(field), items ? field.children[0]->format : ""});
    }
  }
  if (!sql_types) return columns;
  const auto rows = query_texts(
      connection_,
      fmt::format("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {})", relation.sql));
  RLE_CHECK(rows.size() == columns.size());
  for (size_t c = 0; c < columns.size(); ++c) {
    if (!is_disguised(rows[c][1])) continue;
    columns[c].readable = false;
    columns[c].type_name = lower(rows[c][1]);
  }
  return columns;
}

}  // namespace rle::ingest
