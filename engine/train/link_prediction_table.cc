#include "train/link_prediction_table.h"

#include "base/error.h"
#include "task/class_values.h"
#include "train/output_columns.h"

namespace rle {
namespace {

// Appends the predicted keys of a row; returns how many.
int64_t append_keys(const RankedTargets& ranked, int64_t row, const Column& keys, Column& column) {
  const int64_t begin = ranked.offsets[static_cast<size_t>(row)];
  const int64_t end = ranked.offsets[static_cast<size_t>(row) + 1];
  for (int64_t i = begin; i < end; ++i) {
    const NodeId target = ranked.target[static_cast<size_t>(i)];
    if (keys.type == PhysicalType::kString)
      column.codes.edit().push_back(keys.codes[target]);
    else
      column.ints.edit().push_back(keys.ints[target]);
  }
  return end - begin;
}

void add_lists(Table& table, const std::vector<int64_t>& order, const RankedTargets& ranked,
               const Column& target_keys, const std::string& name) {
  const bool strings = target_keys.type == PhysicalType::kString;
  std::vector<int64_t> offsets{0};
  Column& keys = add_column(table, name, strings ? PhysicalType::kStringList : PhysicalType::kIntList, "+l");
  keys.strings = target_keys.strings;
  for (const int64_t row : order)
    offsets.push_back(offsets.back() + append_keys(ranked, row, target_keys, keys));
  keys.offsets.edit() = offsets;
  Column& scores = add_column(table, "predicted_scores", PhysicalType::kFloatList, "+l");
  scores.offsets.edit() = std::move(offsets);
  for (const int64_t row : order)
    scores.floats32.edit().insert(scores.floats32.edit().end(),
                                  ranked.score.begin() + ranked.offsets[static_cast<size_t>(row)],
                                  ranked.score.begin() + ranked.offsets[static_cast<size_t>(row) + 1]);
}

void add_pairs(Table& table, const std::vector<int64_t>& order, const RankedTargets& ranked,
               const Column& target_keys, const std::string& name) {
  Column keys, rank, score;
  for (const int64_t row : order) {
    const int64_t links = append_keys(ranked, row, target_keys, keys);
    for (int64_t i = 0; i < links; ++i) {
      rank.ints.edit().push_back(i + 1);
      score.floats.edit().push_back(
          ranked.score[static_cast<size_t>(ranked.offsets[static_cast<size_t>(row)] + i)]);
    }
  }
  Column& key_column = add_column(table, name, target_keys.type, target_keys.arrow_format);
  key_column.ints = std::move(keys.ints);
  key_column.codes = std::move(keys.codes);
  key_column.strings = target_keys.strings;
  add_column(table, "rank", PhysicalType::kInt64, "l").ints = std::move(rank.ints);
  add_column(table, "score", PhysicalType::kFloat64, "f").floats = std::move(score.floats);
}

}  // namespace

Table link_prediction_table(const TaskSpec& task, const Table& source, const LabelTable& labels,
                            const RankedTargets& ranked, const Column& target_keys, bool flatten) {
  RLE_CHECK(ranked.rows() == labels.rows && source.source_rows.empty());
  RLE_CHECK(target_keys.type == PhysicalType::kInt64 || target_keys.type == PhysicalType::kString);
  const std::vector<int64_t> order = rows_in_source_order(labels);
  std::vector<int64_t> rows;
  for (const int64_t row : order) {
    const int64_t links =
        ranked.offsets[static_cast<size_t>(row) + 1] - ranked.offsets[static_cast<size_t>(row)];
    rows.insert(rows.end(), static_cast<size_t>(flatten ? links : 1),
                labels.source_row[static_cast<size_t>(row)]);
  }
  Table table = keys_of_rows(task, source, rows);
  const Column* label = source.find(task.target_column);
  if (label != nullptr && is_list(label->type)) table.columns.push_back(label->permuted(rows));
  const std::string name = "predicted_" + task.target_key;
  if (flatten)
    add_pairs(table, order, ranked, target_keys, name);
  else
    add_lists(table, order, ranked, target_keys, name);
  return table;
}

}  // namespace rle
