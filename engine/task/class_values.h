// Class values of a label column, whatever its physical type: each scalar (or list element) as text, with an
// integer that is equal where the text is. Internal to task/.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "table/column_values.h"
#include "task/task.h"

namespace rle {

// A column's scalars, or its list elements. Borrows the column.
class ClassValues {
 public:
  explicit ClassValues(const Column& column) : column_(column) {}

  int64_t size() const;
  // Equal for equal values of this column only. Floats: -0.0 equals 0.0.
  int64_t key(int64_t i) const;
  std::string text(int64_t i) const;
  // The order of classes: numbers by value, text by bytes, false before true.
  bool less(int64_t i, int64_t j) const;

 private:
  const Column& column_;
};

struct ClassCount {
  std::string text;
  int64_t rows = 0;  // values equal to it
};

// The distinct values of a column in class order. Values at null scalar rows are not counted.
std::vector<ClassCount> count_classes(const Column& column);

// Finds class ids by value; remembers what it has found. Booleans and 0/1 stand for each other.
class ClassLookup {
 public:
  ClassLookup(const LabelEncoding& encoding, const Column& column);

  int32_t id(int64_t i);  // -1: not a class

 private:
  int32_t find(const std::string& text) const;

  ClassValues values_;
  std::unordered_map<std::string, int32_t> ids_;
  std::unordered_map<int64_t, int32_t> found_;
};

bool is_list(PhysicalType type);

}  // namespace rle
