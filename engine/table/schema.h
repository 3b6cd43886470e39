// What a user says about tables: keys, times, columns. Pure description; nothing here reads data.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace rle {

// How a column is encoded by the model (docs/dtypes.md).
enum class Dtype { kText, kInteger, kFloat, kCategory, kMultiCategorical, kEmbedding, kDatetime };

std::string_view to_string(Dtype dtype);  // "text", "integer", "float", "category", ...
std::optional<Dtype> dtype_from_string(std::string_view name);

enum class TableType { kNode, kEdge };

struct ForeignKey {
  std::string column;
  std::string parent_table;
  std::string parent_column;  // the parent's primary key or one of its candidate keys
  bool is_feature = false;    // also encoded as a feature column

  static auto members(auto& self) {
    return std::tie(self.column, self.parent_table, self.parent_column, self.is_feature);
  }
};

struct CandidateKey {
  std::string column;
  bool is_feature = false;

  static auto members(auto& self) { return std::tie(self.column, self.is_feature); }
};

struct ColumnSpec {
  std::string name;
  std::optional<Dtype> dtype;  // absent: inferred

  static auto members(auto& self) { return std::tie(self.name, self.dtype); }
};

// One table of the user's specification, in his order.
struct TableSchema {
  std::string name;
  std::string source;  // as written: a file, a glob, or database::schema.table
  TableType type = TableType::kNode;
  std::optional<std::string> primary_key;
  std::vector<CandidateKey> candidate_keys;
  std::vector<ForeignKey> foreign_keys;
  std::optional<std::string> time_column;
  // Declared columns. all_columns: those of the source that are not listed are used too, their dtype
  // inferred.
  std::vector<ColumnSpec> columns;
  bool all_columns = true;
  std::vector<std::string> excluded_columns;  // of all_columns, left out

  static auto members(auto& self) {
    return std::tie(self.name, self.source, self.type, self.primary_key, self.candidate_keys,
                    self.foreign_keys, self.time_column, self.columns, self.all_columns,
                    self.excluded_columns);
  }

  bool is_key(std::string_view column) const;  // primary, candidate or foreign key
  // Whether a key column is also a feature (is_feature of its candidate or foreign key).
  bool is_feature_key(std::string_view column) const;
};

}  // namespace rle
