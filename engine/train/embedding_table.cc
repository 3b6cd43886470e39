#include "train/embedding_table.h"

#include <algorithm>

#include "base/error.h"
#include "train/output_columns.h"

namespace rle {
namespace {

// order: the row of `vectors` for each row of the table.
void add_vectors(Table& table, const std::vector<float>& vectors, const std::vector<int64_t>& order) {
  const int64_t channels = table.rows == 0 ? 0 : static_cast<int64_t>(vectors.size()) / table.rows;
  RLE_CHECK(channels * table.rows == static_cast<int64_t>(vectors.size()));
  Column& column = add_column(table, "embedding", PhysicalType::kFloatList, "+l");
  std::vector<float>& values = column.floats32.edit();
  values.reserve(vectors.size());
  for (const int64_t row : order)
    values.insert(values.end(), vectors.begin() + row * channels, vectors.begin() + (row + 1) * channels);
  for (int64_t row = 0; row <= table.rows; ++row) column.offsets.edit().push_back(row * channels);
}

}  // namespace

Table entity_embedding_table(const TaskSpec& task, const Table& source, const LabelTable& labels,
                             const std::vector<float>& vectors) {
  const std::vector<int64_t> order = rows_in_source_order(labels);
  std::vector<int64_t> rows;
  for (const int64_t row : order) rows.push_back(labels.source_row[static_cast<size_t>(row)]);
  Table table = keys_of_rows(task, source, rows);
  add_vectors(table, vectors, order);
  return table;
}

Table node_embedding_table(const Column& keys, const Column* times, const std::vector<NodeId>& nodes,
                           const std::vector<int64_t>& time_us, const std::vector<float>& vectors) {
  const std::vector<int64_t> rows(nodes.begin(), nodes.end());
  Table table;
  table.rows = static_cast<int64_t>(rows.size());
  table.columns.push_back(keys.permuted(rows));
  if (times != nullptr) add_column(table, times->name, times->type, times->arrow_format).ints = time_us;
  std::vector<int64_t> order(rows.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  add_vectors(table, vectors, order);
  return table;
}

}  // namespace rle
