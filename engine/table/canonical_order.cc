// Sorts by one column at a time: the rows of a run of equal rows so far are sorted by the next column's order
// keys, which lie beside the row numbers, so that most comparisons touch one array only. Short runs compare
// whole rows.
#include <algorithm>

#include "base/error.h"
#include "table/column.h"
#include "table/column_values.h"

namespace rle {
namespace {

constexpr int64_t kShortRun = 24;

struct Entry {
  uint64_t key;
  int64_t row;
  friend bool operator<(const Entry& a, const Entry& b) {
    return a.key != b.key ? a.key < b.key : a.row < b.row;
  }
};

// Time, primary key, then the others by name.
std::vector<const Column*> sort_columns(const Table& table) {
  std::vector<const Column*> order, rest;
  for (const auto& name : {table.schema.time_column, table.schema.primary_key}) {
    if (!name) continue;
    const Column* column = table.find(*name);
    if (column != nullptr && std::find(order.begin(), order.end(), column) == order.end())
      order.push_back(column);
  }
  for (const Column& column : table.columns)
    if (std::find(order.begin(), order.end(), &column) == order.end()) rest.push_back(&column);
  std::sort(rest.begin(), rest.end(), [](const Column* a, const Column* b) { return a->name < b->name; });
  order.insert(order.end(), rest.begin(), rest.end());
  return order;
}

class CanonicalSort {
 public:
  CanonicalSort(std::vector<const Column*> columns, int64_t rows)
      : columns_(std::move(columns)), rows_(rows) {}

  bool already_sorted() const {
    for (int64_t row = 1; row < rows_; ++row)
      if (compare(row - 1, row, 0) > 0) return false;
    return true;
  }

  std::vector<int64_t> order() {
    entries_.resize(static_cast<size_t>(rows_));
    for (int64_t row = 0; row < rows_; ++row) entries_[static_cast<size_t>(row)] = {0, row};
    refine(0, rows_, 0);
    std::vector<int64_t> result(entries_.size());
    for (size_t i = 0; i < entries_.size(); ++i) result[i] = entries_[i].row;
    std::vector<Entry>().swap(entries_);
    return result;
  }

 private:
  int compare(int64_t a, int64_t b, size_t depth) const {
    for (size_t c = depth; c < columns_.size(); ++c) {
      const int result = columns_[c]->compare(a, b);
      if (result != 0) return result;
    }
    return 0;
  }

  // Sorts entries [begin, end), which are equal in the columns before `depth` and ordered by row.
  void refine(int64_t begin, int64_t end, size_t depth) {
    if (end - begin < 2 || depth == columns_.size()) return;
    const auto first = entries_.begin() + begin, last = entries_.begin() + end;
    const Column& column = *columns_[depth];
    if (end - begin <= kShortRun || !column.offsets.empty()) {
      std::sort(first, last, [this, depth](const Entry& a, const Entry& b) {
        const int result = compare(a.row, b.row, depth);
        return result != 0 ? result < 0 : a.row < b.row;
      });
      return;
    }
    auto nulls = last;
    if (!column.valid.empty())
      nulls =
          std::stable_partition(first, last, [&column](const Entry& e) { return !column.is_null(e.row); });
    for (auto e = first; e != nulls; ++e) e->key = order_key(column, e->row);
    if (!std::is_sorted(first, nulls)) std::sort(first, nulls);
    const int64_t null_begin = nulls - entries_.begin();
    for (int64_t run = begin; run < null_begin;) {
      int64_t run_end = run + 1;
      while (run_end < null_begin &&
             entries_[static_cast<size_t>(run_end)].key == entries_[static_cast<size_t>(run)].key)
        ++run_end;
      refine(run, run_end, depth + 1);
      run = run_end;
    }
    refine(null_begin, end, depth + 1);
  }

  std::vector<const Column*> columns_;
  int64_t rows_;
  std::vector<Entry> entries_;
};

}  // namespace

void sort_canonically(Table& table) {
  for (const Column& column : table.columns) RLE_CHECK(column.rows == table.rows);
  CanonicalSort sort(sort_columns(table), table.rows);
  if (sort.already_sorted()) return;
  std::vector<int64_t> order = sort.order();
  for (Column& column : table.columns) column = column.permuted(order);
  if (!table.source_rows.empty())
    for (int64_t& row : order) row = table.source_rows[static_cast<size_t>(row)];
  table.source_rows = std::move(order);
}

}  // namespace rle
