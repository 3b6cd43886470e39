// A model's tables against the sources' schemas, before rows are read.
#include <algorithm>

#include "job/column_family.h"
#include "job/load_data.h"

namespace rle {
namespace {

bool is_read_as_time(const TableSchema& schema, const std::string& column) {
  return schema.time_column == column ||
         std::any_of(schema.columns.begin(), schema.columns.end(), [&](const ColumnSpec& spec) {
           return spec.name == column && spec.dtype == Dtype::kDatetime;
         });
}

// Where only the rows tell, the type that the model knows.
PhysicalType expected_type(const TableSchema& schema, const SourceColumn& column,
                           const TableSignature* model) {
  if (is_read_as_time(schema, column.name)) return PhysicalType::kTimestamp;
  if (const std::optional<PhysicalType> type = physical_type_of(family_of(column))) return *type;
  if (model != nullptr)
    for (const ColumnSignature& known : model->columns)
      if (known.name == column.name) return known.type;
  return PhysicalType::kInt64;
}

}  // namespace

void check_model_schema(SourceReader& reader, const std::vector<TableSignature>& trained,
                        const JobSpec& spec) {
  std::vector<Table> tables;
  for (const TableSchema& schema : spec.tables) {
    const auto model = std::find_if(trained.begin(), trained.end(), [&](const TableSignature& signature) {
      return signature.schema.name == schema.name;
    });
    Table table;
    table.schema = schema;
    for (const SourceColumn& source : reader.columns(schema.source)) {
      if (!source.readable) continue;
      Column column;
      column.name = source.name;
      column.type = expected_type(schema, source, model == trained.end() ? nullptr : &*model);
      table.columns.push_back(std::move(column));
    }
    tables.push_back(std::move(table));
  }
  compare_schema(trained, tables);
}

}  // namespace rle
