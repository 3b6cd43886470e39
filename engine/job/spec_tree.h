// A specification as written, before anything is known about its keys: the tree that YAML and JSON text both
// become. Untrusted input: size and depth are limited, duplicate keys, anchors, tags and text that is not
// UTF-8 are refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rle {

inline constexpr size_t kMaxSpecBytes = size_t{4} << 20;
inline constexpr int kMaxSpecDepth = 64;

// Value type; owns its children. Members keep the order of the text.
struct SpecNode {
  enum class Kind { kNull, kBool, kInteger, kNumber, kText, kList, kMap };

  Kind kind = Kind::kNull;
  bool boolean = false;
  int64_t integer = 0;
  double number = 0;  // kNumber; kInteger as well
  std::string text;   // kText; of other scalars as written
  std::vector<SpecNode> items;
  std::vector<std::pair<std::string, SpecNode>> members;
  int line = 0;  // 1-based; 0 where unknown

  const SpecNode* find(std::string_view key) const;  // of a map; nullptr where absent
  SpecNode* find(std::string_view key);
  std::vector<std::string> keys() const;
  // For messages: "the text 'abc'", "a list", "nothing (null)".
  std::string describe() const;
};

enum class SpecFormat { kYaml, kJson };

// Error{kSpec} with the line of what is wrong. An empty document is a null node.
SpecNode parse_spec_tree(std::string_view text, SpecFormat format);

// The scalar or flow value of a --set: YAML.
SpecNode parse_spec_value(std::string_view text);

// Applies "path.to.key=VALUE"; the path leads through maps and, with a number, through lists. The last key
// and the document's sections may be new. Error{kSpec}: no "=", an unknown step of the path (nearest
// offered).
void apply_override(SpecNode& root, std::string_view text);

// Whether the bytes are well-formed UTF-8 without NUL.
bool is_utf8_text(std::string_view bytes);

}  // namespace rle
