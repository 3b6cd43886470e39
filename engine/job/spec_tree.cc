#include "job/spec_tree.h"

#include <charconv>
#include <cmath>

#include "base/error.h"

namespace rle {
namespace {

constexpr size_t kShownText = 60;

std::string shown_text(std::string_view text) {
  if (text.size() <= kShownText) return fmt::format("'{}'", text);
  size_t cut = kShownText;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return fmt::format("'{}...'", text.substr(0, cut));
}

// Bytes that follow a lead byte, or -1; `low` and `high` bound the first of them (overlong forms and
// surrogates excluded).
int continuation_bytes(unsigned char lead, unsigned char& low, unsigned char& high) {
  low = 0x80;
  high = 0xbf;
  if (lead < 0x80) return lead == 0 ? -1 : 0;
  if (lead >= 0xc2 && lead <= 0xdf) return 1;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
    return 2;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
    return 3;
  }
  return -1;
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> steps;
  size_t start = 0;
  while (true) {
    const size_t dot = path.find('.', start);
    steps.emplace_back(path.substr(start, dot - start));
    if (dot == std::string_view::npos) return steps;
    start = dot + 1;
  }
}

SpecNode& list_item(SpecNode& list, const std::string& step, std::string_view path) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size() || index >= list.items.size())
    fail(ErrorCode::kSpec, "--set {}: '{}' is no position of a list of {} items (the first is 0)", path, step,
         list.items.size());
  return list.items[index];
}

bool is_section(std::string_view key) {
  return key == "data" || key == "task" || key == "config" || key == "output";
}

// The child named `step`; made where the last step or a section is missing.
SpecNode& descend(SpecNode& node, const std::string& step, bool may_create, std::string_view path) {
  if (node.kind == SpecNode::Kind::kList) return list_item(node, step, path);
  if (node.kind == SpecNode::Kind::kNull) node.kind = SpecNode::Kind::kMap;
  if (node.kind != SpecNode::Kind::kMap)
    fail(ErrorCode::kSpec, "--set {}: there is no '{}' inside {}", path, step, node.describe());
  if (SpecNode* child = node.find(step)) return *child;
  if (!may_create)
    fail(ErrorCode::kSpec, "--set {}: the specification has no '{}' here{}", path, step,
         suggestion(step, node.keys()));
  node.members.emplace_back(step, SpecNode{});
  return node.members.back().second;
}

}  // namespace

const SpecNode* SpecNode::find(std::string_view key) const {
  for (const auto& [name, value] : members)
    if (name == key) return &value;
  return nullptr;
}

SpecNode* SpecNode::find(std::string_view key) {
  return const_cast<SpecNode*>(static_cast<const SpecNode*>(this)->find(key));
}

std::vector<std::string> SpecNode::keys() const {
  std::vector<std::string> out;
  out.reserve(members.size());
  for (const auto& member : members) out.push_back(member.first);
  return out;
}

std::string SpecNode::describe() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing (null)";
    case Kind::kBool:
      return boolean ? "true" : "false";
    case Kind::kInteger:
      return fmt::format("{}", integer);
    case Kind::kNumber:
      return fmt::format("{}", number);
    case Kind::kText:
      return fmt::format("the text {}", shown_text(text));
    case Kind::kList:
      return items.empty() ? "an empty list" : fmt::format("a list of {}", items.size());
    case Kind::kMap:
      return members.empty() ? "an empty map" : fmt::format("a map of {}", members.size());
  }
  return "";
}

void apply_override(SpecNode& root, std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    fail(ErrorCode::kSpec, "--set {}: expected PATH=VALUE, such as config.lr=0.01", text);
  const std::string_view path = text.substr(0, equals);
  const std::vector<std::string> steps = split_path(path);
  SpecNode* node = &root;
  for (size_t i = 0; i < steps.size(); ++i) {
    const bool last = i + 1 == steps.size();
    node = &descend(*node, steps[i], last || (i == 0 && is_section(steps[i])), path);
  }
  try {
    *node = parse_spec_value(text.substr(equals + 1));
  } catch (const Error& error) {
    fail(ErrorCode::kSpec, "--set {}: {}", path, error.what());
  }
}

bool is_utf8_text(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    unsigned char low, high;
    const int more = continuation_bytes(static_cast<unsigned char>(bytes[i]), low, high);
    if (more < 0 || bytes.size() - i <= static_cast<size_t>(more)) return false;
    for (int k = 1; k <= more; ++k) {
      const auto byte = static_cast<unsigned char>(bytes[i + static_cast<size_t>(k)]);
      if (byte < (k == 1 ? low : 0x80) || byte > (k == 1 ? high : 0xbf)) return false;
    }
    i += static_cast<size_t>(more) + 1;
  }
  return true;
}

}  // namespace rle
