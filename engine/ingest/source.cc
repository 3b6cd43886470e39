#include "ingest/source.h"

#include <algorithm>
#include <set>

#include "ingest/arrow_abi.h"
#include "ingest/arrow_import.h"
#include "ingest/arrow_type.h"
#include "ingest/relation.h"

namespace rle {

using namespace ingest;

struct SourceReader::Impl {
  explicit Impl(std::filesystem::path base_folder)
      : connection(open_duckdb()), catalog(connection, std::move(base_folder)) {}

  int64_t count_rows(const Relation& relation) {
    return query_count(connection, fmt::format("SELECT count(*) FROM {}", relation.sql));
  }

  // sampling: what stands after the relation.
  Table read(const TableSchema& schema, const std::vector<std::string>& column_names,
             const std::vector<std::string>& time_columns, const std::string& sampling, Report& report,
             const CancelToken* cancel);

  Connection connection;
  RelationCatalog catalog;
};

namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_declared(const TableSchema& schema, const std::string& column) {
  return schema.is_key(column) || schema.time_column == column ||
         std::any_of(schema.columns.begin(), schema.columns.end(),
                     [&](const ColumnSpec& c) { return c.name == column; });
}

bool is_time(const TableSchema& schema, const std::vector<std::string>& time_columns,
             const std::string& column) {
  return schema.time_column == column || contains(time_columns, column) ||
         std::any_of(schema.columns.begin(), schema.columns.end(),
                     [&](const ColumnSpec& c) { return c.name == column && c.dtype == Dtype::kDatetime; });
}

std::string select_list(const std::vector<std::string>& columns) {
  std::string list;
  for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + quote_name(column);
  return list;
}

ColumnSize::Kind kind_of(const std::string& arrow_format) {
  const ArrowType type = parse_arrow_format(arrow_format);
  if (is_string(type.kind)) return ColumnSize::Kind::kText;
  if (is_list(type.kind)) return ColumnSize::Kind::kList;
  if (is_time(type.kind)) return ColumnSize::Kind::kTime;
  const bool whole = is_integer(type.kind) || (type.kind == ArrowKind::kDecimal128 && type.scale == 0);
  return whole ? ColumnSize::Kind::kInteger : ColumnSize::Kind::kFloat;
}

// The importers of one read, in the order of the SELECT; an importer that gave up is null.
class TableImport {
 public:
  TableImport(const TableSchema& schema, const BatchStream& stream,
              const std::vector<std::string>& time_columns, int64_t expected_rows)
      : schema_(schema) {
    const ArrowSchema& fields = stream.schema();
    for (int64_t c = 0; c < fields.n_children; ++c) {
      const std::string name = fields.children[c]->name;
      importers_.push_back(make_importer(*fields.children[c], {.table = schema.name,
                                                               .column = name,
                                                               .is_key = schema.is_key(name),
                                                               .is_time = is_time(schema, time_columns, name),
                                                               .expected_rows = expected_rows}));
      names_.push_back(name);
    }
  }

  // An undeclared column with a value that no column of ours can hold is left out, with one line.
  void append(const ArrowArray& batch, Report& report) {
    rows_ += batch.length;
    for (size_t c = 0; c < importers_.size(); ++c) {
      if (importers_[c] == nullptr) continue;
      try {
        importers_[c]->append(*batch.children[c]);
      } catch (const UnreadableValue& error) {
        if (is_declared(schema_, names_[c])) throw;
        importers_[c].reset();
        report.info("left out: {}", error.what());
      }
    }
  }

  Table finish() {
    Table table;
    table.schema = schema_;
    table.rows = rows_;
    for (auto& importer : importers_) {
      if (importer != nullptr) table.columns.push_back(importer->finish());
    }
    return table;
  }

 private:
  const TableSchema& schema_;
  std::vector<std::unique_ptr<ColumnImporter>> importers_;
  std::vector<std::string> names_;
  int64_t rows_ = 0;
};

}  // namespace

SourceReader::SourceReader(std::filesystem::path base_folder)
    : impl_(std::make_unique<Impl>(std::move(base_folder))) {}
SourceReader::~SourceReader() = default;
SourceReader::SourceReader(SourceReader&&) noexcept = default;

std::vector<SourceColumn> SourceReader::columns(const std::string& source) {
  return impl_->catalog.open(source).columns;
}

std::vector<std::filesystem::path> SourceReader::files(const std::string& source) {
  const SourcePath path = parse_source(source, impl_->catalog.base_folder());
  if (path.is_glob) {
    std::vector<std::filesystem::path> files;
    const std::string sql = fmt::format("SELECT file FROM glob({}) ORDER BY file", quote_text(path.pattern));
    for (const auto& row : query_texts(impl_->connection, sql)) files.emplace_back(row.at(0));
    return files;
  }
  // What DuckDB has not yet moved into the database file itself.
  const std::filesystem::path log = path.file.string() + ".wal";
  std::error_code ignored;
  if (path.kind == SourceKind::kDuckdb && std::filesystem::exists(log, ignored)) return {path.file, log};
  return {path.file};
}

std::string SourceReader::computed(const std::string& source) { return impl_->catalog.open(source).computed; }

std::string SourceReader::library_version() {
  return query_texts(impl_->connection, "SELECT version()").at(0).at(0);
}

int64_t SourceReader::count_rows(const std::string& source) {
  return impl_->count_rows(impl_->catalog.open(source));
}

SourceSize SourceReader::size(const TableSchema& schema, const std::vector<std::string>& column_names) {
  const Relation& relation = impl_->catalog.open(schema.source);
  SourceSize size;
  std::string list = "count(*)";
  for (const std::string& name : column_names) {
    const SourceColumn& source = relation.require(schema.name, name);
    const ColumnSize::Kind kind = kind_of(source.arrow_format);
    const bool floats = source.type_name.find("<float") != std::string::npos;
    const std::string column = quote_name(name);
    const bool text = kind == ColumnSize::Kind::kText;
    if (kind == ColumnSize::Kind::kList && floats)
      list += fmt::format(", 0, coalesce(avg(len({})), 0)", column);
    else if (kind == ColumnSize::Kind::kList)
      list += fmt::format(
          ", (SELECT approx_count_distinct(e) FROM (SELECT unnest({0}) AS e FROM {1})), "
          "coalesce(avg(len({0})), 0)",
          column, relation.sql);
    else
      list += (text || !schema.is_key(name) || schema.is_feature_key(name)
                   ? fmt::format(", approx_count_distinct({})", column)
                   : ", 0") +
              (text ? fmt::format(", coalesce(avg(strlen({})), 0)", column) : ", 0");
    size.columns.push_back({kind, 0, 0});
  }
  try {
    const std::string row = fmt::format("SELECT {} FROM {}", list, relation.sql);
    const auto values =
        query_texts(impl_->connection, fmt::format("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({})", row))
            .at(0);
    size.rows = std::stoll(values.at(0));
    for (size_t c = 0; c < size.columns.size(); ++c) {
      size.columns[c].distinct = std::stoll(values.at(2 * c + 1));
      size.columns[c].length = std::stod(values.at(2 * c + 2));
    }
  } catch (const DriverError& error) {
    fail_source(ErrorCode::kIo, schema.source, error);
  }
  return size;
}

Table SourceReader::Impl::read(const TableSchema& schema, const std::vector<std::string>& column_names,
                               const std::vector<std::string>& time_columns, const std::string& sampling,
                               Report& report, const CancelToken* cancel) {
  const Relation& relation = catalog.open(schema.source);
  for (const std::string& column : column_names) relation.require(schema.name, column);
  try {
    if (column_names.empty()) {
      Table table;
      table.schema = schema;
      table.rows = count_rows(relation);
      return table;
    }
    const bool counted = relation.kind == SourceKind::kParquet && sampling.empty();
    const int64_t expected_rows = counted ? count_rows(relation) : 0;
    BatchStream stream = connection.query(
        fmt::format("SELECT {} FROM {}{}", select_list(column_names), relation.sql, sampling));
    TableImport table(schema, stream, time_columns, expected_rows);
    while (const ArrowArray* batch = stream.next()) {
      if (cancel != nullptr && cancel->requested()) {
        fail(ErrorCode::kInterrupted, "interrupted while reading table '{}'", schema.name);
      }
      table.append(*batch, report);
    }
    return table.finish();
  } catch (const DriverError& error) {
    fail_source(ErrorCode::kIo, schema.source, error);
  }
}

Table SourceReader::read(const TableSchema& schema, const std::vector<std::string>& column_names,
                         const std::vector<std::string>& time_columns, Report& report,
                         const CancelToken* cancel) {
  return impl_->read(schema, column_names, time_columns, "", report, cancel);
}

Table SourceReader::read_sample(const TableSchema& schema, const std::vector<std::string>& column_names,
                                double share, Report& report, const CancelToken* cancel) {
  const std::string sampling = fmt::format(" TABLESAMPLE system({:.6f} PERCENT) REPEATABLE (1)", 100 * share);
  return impl_->read(schema, column_names, {}, sampling, report, cancel);
}

std::vector<std::string> SourceReader::used_columns(const TableSchema& schema, Report& report) {
  const Relation& relation = impl_->catalog.open(schema.source);
  std::set<std::string> named;
  if (schema.primary_key) named.insert(*schema.primary_key);
  for (const CandidateKey& key : schema.candidate_keys) named.insert(key.column);
  for (const ForeignKey& key : schema.foreign_keys) named.insert(key.column);
  if (schema.time_column) named.insert(*schema.time_column);
  for (const ColumnSpec& column : schema.columns) named.insert(column.name);
  for (const std::string& column : named) relation.require(schema.name, column);

  std::vector<std::string> used;
  std::string left_out, unused;
  const bool edge = schema.type == TableType::kEdge;
  for (const SourceColumn& column : relation.columns) {
    if (named.count(column.name) > 0) {
      used.push_back(column.name);
    } else if (!schema.all_columns || contains(schema.excluded_columns, column.name)) {
      continue;
    } else if (edge) {
      unused += (unused.empty() ? "" : ", ") + column.name;
    } else if (column.readable) {
      used.push_back(column.name);
    } else {
      left_out += fmt::format("{}{} ({})", left_out.empty() ? "" : ", ", column.name, column.type_name);
    }
  }
  if (!left_out.empty()) {
    report.info(
        "table '{}': left out, because their types cannot be read: {}; cast them in the source to use them",
        schema.name, left_out);
  }
  if (!unused.empty())
    report.info("table '{}': a table of type edge has no features; left out: {}", schema.name, unused);
  return used;
}

std::string duckdb_version() {
  Connection connection = open_duckdb();
  return query_texts(connection, "SELECT version()").at(0).at(0);
}

}  // namespace rle
