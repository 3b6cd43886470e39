#include "job/spec_reader.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace rle {
namespace {

using Kind = SpecNode::Kind;

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i)
    out += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  return out;
}

std::string range_text(const NumberRange& range) {
  std::string out =
      fmt::format("a number {} {}", range.open_minimum ? "above" : "of at least", range.minimum);
  if (std::isfinite(range.maximum))
    out += fmt::format(" and {} {}", range.open_maximum ? "below" : "at most", range.maximum);
  return out;
}

std::string inside(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

}  // namespace

void SpecValue::refuse(std::string_view message) const {
  const std::string line = node->line > 0 ? fmt::format(" (line {})", node->line) : "";
  throw Error(ErrorCode::kSpec,
              fmt::format("{}{}: {}", path.empty() ? "the specification" : path, line, message), path);
}

void SpecValue::expected(std::string_view what) const {
  refuse(fmt::format("expected {}, found {}", what, node->describe()));
}

std::string text_of(const SpecValue& value, std::string_view what) {
  if (value.node->kind != Kind::kText || value.node->text.empty()) value.expected(what);
  return value.node->text;
}

bool boolean_of(const SpecValue& value) {
  if (value.node->kind != Kind::kBool) value.expected("true or false");
  return value.node->boolean;
}

int64_t integer_of(const SpecValue& value, int64_t minimum, int64_t maximum) {
  const SpecNode& node = *value.node;
  const std::string what = maximum == INT64_MAX
                               ? fmt::format("a whole number of at least {}", minimum)
                               : fmt::format("a whole number from {} to {}", minimum, maximum);
  int64_t out = node.integer;
  if (node.kind == Kind::kNumber) {
    if (node.number != std::floor(node.number) || std::fabs(node.number) >= 0x1p63) value.expected(what);
    out = static_cast<int64_t>(node.number);
  } else if (node.kind != Kind::kInteger) {
    value.expected(what);
  }
  if (out < minimum || out > maximum) value.expected(what);
  return out;
}

double number_of(const SpecValue& value, const NumberRange& range) {
  const SpecNode& node = *value.node;
  if (node.kind != Kind::kNumber && node.kind != Kind::kInteger) value.expected(range_text(range));
  const bool low = range.open_minimum ? node.number <= range.minimum : node.number < range.minimum;
  const bool high = range.open_maximum ? node.number >= range.maximum : node.number > range.maximum;
  if (low || high) value.expected(range_text(range));
  return node.number;
}

size_t choice_of(const SpecValue& value, const std::vector<std::string>& names) {
  const std::string what = (names.size() > 1 ? "one of " : "") + joined(names);
  if (value.node->kind != Kind::kText) value.expected(what);
  const auto found = std::find(names.begin(), names.end(), value.node->text);
  if (found == names.end()) {
    const std::string near = nearest(value.node->text, names);
    value.expected(near.empty() ? what : fmt::format("{} (did you mean '{}'?)", what, near));
  }
  return static_cast<size_t>(found - names.begin());
}

std::vector<SpecValue> list_of(const SpecValue& value, std::string_view what) {
  if (value.node->kind != Kind::kList) value.expected(what);
  std::vector<SpecValue> out;
  out.reserve(value.node->items.size());
  for (size_t i = 0; i < value.node->items.size(); ++i)
    out.push_back({&value.node->items[i], fmt::format("{}[{}]", value.path, i)});
  return out;
}

std::vector<std::pair<std::string, SpecValue>> entries_of(const SpecValue& value, std::string_view what) {
  if (value.node->kind != Kind::kMap) value.expected(what);
  std::vector<std::pair<std::string, SpecValue>> out;
  out.reserve(value.node->members.size());
  for (const auto& [name, child] : value.node->members)
    out.emplace_back(name, SpecValue{&child, inside(value.path, name)});
  return out;
}

SpecObject::SpecObject(SpecValue value, const std::vector<std::string>& keys) : value_(std::move(value)) {
  if (value_.node->kind != Kind::kMap)
    value_.expected(fmt::format("a map with keys such as {}", keys.front()));
  for (const auto& [name, child] : value_.node->members) {
    if (std::find(keys.begin(), keys.end(), name) != keys.end()) continue;
    SpecValue{&child, inside(value_.path, name)}.refuse("unknown key" + suggestion(name, keys));
  }
}

std::optional<SpecValue> SpecObject::find(std::string_view key) const {
  const SpecNode* child = value_.node->find(key);
  if (child == nullptr) return std::nullopt;
  return SpecValue{child, inside(value_.path, key)};
}

SpecValue SpecObject::require(std::string_view key) const {
  if (std::optional<SpecValue> found = find(key)) return *std::move(found);
  value_.refuse(fmt::format("'{}' is missing", key));
}

}  // namespace rle
