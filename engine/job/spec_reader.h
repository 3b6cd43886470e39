// Typed access to a SpecNode tree. Every refusal names the path of the key (tables.results.time_column), its
// line where known, what was found and what was expected. All errors are Error{kSpec}.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/spec_tree.h"

namespace rle {

// A node and where it stands. Borrows the tree.
struct SpecValue {
  const SpecNode* node = nullptr;
  std::string path;

  bool is_null() const { return node->kind == SpecNode::Kind::kNull; }
  // "config.lr (line 12): <message>"
  [[noreturn]] void refuse(std::string_view message) const;
  // "...: expected <what>, found <this>"
  [[noreturn]] void expected(std::string_view what) const;
};

std::string text_of(const SpecValue& value, std::string_view what = "a text");
bool boolean_of(const SpecValue& value);
// A whole number within [minimum, maximum]; 10.0 is one.
int64_t integer_of(const SpecValue& value, int64_t minimum, int64_t maximum);

struct NumberRange {
  double minimum = 0, maximum = 1;
  bool open_minimum = false, open_maximum = false;  // the bound itself is excluded
};
double number_of(const SpecValue& value, const NumberRange& range);

// The position of the text in `names`; refuses others and offers the nearest.
size_t choice_of(const SpecValue& value, const std::vector<std::string>& names);

std::vector<SpecValue> list_of(const SpecValue& value, std::string_view what);
// The members of a map with free keys (tables, columns).
std::vector<std::pair<std::string, SpecValue>> entries_of(const SpecValue& value, std::string_view what);

// A map whose keys are known. The constructor refuses anything else and every other key, with the nearest
// known one.
class SpecObject {
 public:
  SpecObject(SpecValue value, const std::vector<std::string>& keys);

  std::optional<SpecValue> find(std::string_view key) const;
  SpecValue require(std::string_view key) const;
  const SpecValue& value() const { return value_; }

 private:
  SpecValue value_;
};

}  // namespace rle
