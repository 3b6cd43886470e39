#include "ingest/source_path.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "base/error.h"
#include "ingest/duckdb_session.h"

namespace rle::ingest {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kKnown =
    "known are .parquet, .csv, .tsv, .json, .ndjson, .jsonl (the text forms also with .gz), and "
    "FILE.duckdb::TABLE";

std::optional<SourceKind> kind_of(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto ends = [&](std::string_view ending) {
    return name.size() > ending.size() && name.ends_with(ending);
  };
  if (ends(".parquet") || ends(".pq")) return SourceKind::kParquet;
  if (ends(".gz")) name.resize(name.size() - 3);
  if (ends(".csv") || ends(".tsv")) return SourceKind::kCsv;
  if (ends(".json") || ends(".ndjson") || ends(".jsonl")) return SourceKind::kJson;
  if (ends(".duckdb") || ends(".ddb")) return SourceKind::kDuckdb;
  return std::nullopt;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

void check_file(const std::string& source, const fs::path& file) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored)) {
    fail(ErrorCode::kSpec, "source '{}' is a folder; name its files, such as '{}/*.parquet'", source, source);
  }
  if (fs::exists(file, ignored)) {
    if (fs::file_size(file, ignored) == 0) fail(ErrorCode::kSpec, "source '{}': the file is empty", source);
    return;
  }
  if (!fs::is_directory(file.parent_path(), ignored)) {
    fail(ErrorCode::kSpec, "source '{}': there is no folder '{}'", source, file.parent_path().string());
  }
  fail(ErrorCode::kSpec, "source '{}': there is no file '{}'{}", source, file.string(),
       suggestion(file.filename().string(), names_in(file.parent_path())));
}

// Where DuckDB is confined, a name is read as the system reads it, links followed: that is what was allowed.
fs::path place_of(const fs::path& file) {
  if (!is_confined()) return file.lexically_normal();
  std::error_code error;
  const fs::path real = fs::weakly_canonical(file, error);
  return error ? file.lexically_normal() : real;
}

// A glob, absolute; the folders before its first wild card likewise.
std::string place_of_glob(const fs::path& folder, const std::string& source) {
  const bool absolute = fs::path(source).is_absolute();
  if (!is_confined())
    return absolute ? source
                    : escape_glob(folder.string()) + (folder.string().ends_with('/') ? "" : "/") + source;
  const size_t slash = source.find_last_of('/', source.find_first_of("*?["));
  const std::string fixed = slash == std::string::npos ? "" : source.substr(0, slash + 1);
  const std::string real = place_of(folder / fixed / ".").string();
  return escape_glob(real) + (real.ends_with('/') ? "" : "/") + source.substr(fixed.size());
}

SourcePath parse_database(const std::string& source, size_t colons, const fs::path& base) {
  SourcePath path;
  path.kind = SourceKind::kDuckdb;
  path.file = place_of(base / source.substr(0, colons));
  path.table = source.substr(colons + 2);
  check_file(source, path.file);
  if (path.table.empty()) fail(ErrorCode::kSpec, "source '{}' names no table after '::'", source);
  return path;
}

}  // namespace

std::string escape_glob(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    if (c == '*' || c == '?' || c == '[') {
      escaped += '[';
      escaped += c;
      escaped += ']';
    } else {
      escaped += c;
    }
  }
  return escaped;
}

SourcePath parse_source(const std::string& source, const fs::path& base) {
  if (source.empty()) fail(ErrorCode::kSpec, "the source is empty; {}", kKnown);
  const fs::path folder = fs::absolute(base.empty() ? fs::path(".") : base).lexically_normal();
  if (const size_t colons = source.rfind("::"); colons != std::string::npos)
    return parse_database(source, colons, folder);

  SourcePath path;
  path.file = place_of(folder / source);
  std::error_code ignored;
  const bool exists = fs::exists(path.file, ignored);
  const std::optional<SourceKind> kind = kind_of(source);
  if (!kind && !(exists && fs::is_directory(path.file, ignored))) {
    fail(ErrorCode::kSpec, "source '{}': its ending does not say what it is; {}", source, kKnown);
  }
  path.is_glob = !exists && source.find_first_of("*?[") != std::string::npos;
  if (!path.is_glob) check_file(source, path.file);
  path.kind = *kind;
  if (path.kind == SourceKind::kDuckdb) {
    fail(ErrorCode::kSpec, "source '{}' is a database; name its table too: '{}::TABLE'", source, source);
  }
  path.pattern = path.is_glob ? place_of_glob(folder, source) : escape_glob(path.file.string());
  return path;
}

}  // namespace rle::ingest
