// Text to SpecNode by the event interfaces of yaml-cpp and nlohmann-json, so that depth, duplicate keys and
// YAML's less harmless features are caught while reading, before a tree exists.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <unordered_set>

#include "base/error.h"
#include "job/spec_tree.h"

namespace rle {
namespace {

using Kind = SpecNode::Kind;

std::string at_line(int line) { return line > 0 ? fmt::format("line {}: ", line) : std::string(); }

// Puts values where they belong: into the innermost open list or map, or at the root.
class TreeBuilder {
 public:
  void scalar(SpecNode node) {
    if (!is_utf8_text(node.text))  // by an escape such as \0
      fail(ErrorCode::kSpec, "{}a text with a zero byte or half a character", at_line(node.line));
    if (wants_key()) {
      key(node.text, node.line, node.kind == Kind::kNull);
      return;
    }
    place(std::move(node));
  }

  void open(Kind kind, int line) {
    if (wants_key()) fail(ErrorCode::kSpec, "{}a key must be a plain text", at_line(line));
    if (frames_.size() >= static_cast<size_t>(kMaxSpecDepth))
      fail(ErrorCode::kSpec, "{}nested deeper than {} levels", at_line(line), kMaxSpecDepth);
    frames_.push_back({});
    frames_.back().node.kind = kind;
    frames_.back().node.line = line;
  }

  void close() {
    SpecNode node = std::move(frames_.back().node);
    frames_.pop_back();
    place(std::move(node));
  }

  void key(const std::string& name, int line, bool null_key = false) {
    Frame& frame = frames_.back();
    if (!is_utf8_text(name))
      fail(ErrorCode::kSpec, "{}a key with a zero byte or half a character", at_line(line));
    if (null_key || name.empty()) fail(ErrorCode::kSpec, "{}an empty key", at_line(line));
    if (!frame.seen.insert(name).second)
      fail(ErrorCode::kSpec, "{}the key '{}' is written twice; keep one", at_line(line), name);
    frame.node.members.emplace_back(name, SpecNode{});
    frame.key_open = true;
  }

  SpecNode take() { return std::move(root_); }

 private:
  struct Frame {
    SpecNode node;
    bool key_open = false;
    std::unordered_set<std::string> seen;
  };

  bool wants_key() const {
    return !frames_.empty() && frames_.back().node.kind == Kind::kMap && !frames_.back().key_open;
  }

  void place(SpecNode node) {
    if (frames_.empty()) {
      root_ = std::move(node);
    } else if (Frame& frame = frames_.back(); frame.node.kind == Kind::kList) {
      frame.node.items.push_back(std::move(node));
    } else {
      frame.node.members.back().second = std::move(node);
      frame.key_open = false;
    }
  }

  std::vector<Frame> frames_;
  SpecNode root_;
};

template <typename Number>
std::optional<Number> whole_number(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// YAML 1.2 core: [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
std::optional<double> core_float(std::string_view text) {
  std::string_view rest = text;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
  if (rest.empty() || rest.find_first_not_of("0123456789.eE+-") != std::string_view::npos)
    return std::nullopt;
  if (rest.find_first_of("0123456789") == std::string_view::npos) return std::nullopt;
  if (text[0] == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) return HUGE_VAL;
  return value;
}

bool is_infinity_or_nan(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text == ".inf" || text == ".Inf" || text == ".INF" || text == ".nan" || text == ".NaN" ||
         text == ".NAN";
}

// A plain (unquoted) YAML scalar by the 1.2 core schema.
SpecNode plain_scalar(const std::string& text, int line) {
  SpecNode node;
  node.text = text;
  node.line = line;
  node.kind = Kind::kText;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    node.kind = Kind::kNull;
  } else if (text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
             text == "FALSE") {
    node.kind = Kind::kBool;
    node.boolean = text[0] == 't' || text[0] == 'T';
  } else if (is_infinity_or_nan(text)) {
    fail(ErrorCode::kSpec, "{}{} is no number that anything here takes", at_line(line), text);
  } else {
    const std::string_view digits =
        text[0] == '+' ? std::string_view(text).substr(1) : std::string_view(text);
    std::optional<int64_t> integer;
    if (digits.substr(0, 2) == "0x")
      integer = whole_number<int64_t>(digits.substr(2), 16);
    else if (digits.substr(0, 2) == "0o")
      integer = whole_number<int64_t>(digits.substr(2), 8);
    else
      integer = whole_number<int64_t>(digits);
    if (integer) {
      node.kind = Kind::kInteger;
      node.integer = *integer;
      node.number = static_cast<double>(*integer);
    } else if (const std::optional<double> number = core_float(text)) {
      if (!std::isfinite(*number))
        fail(ErrorCode::kSpec, "{}the number {} is too large", at_line(line), text);
      node.kind = Kind::kNumber;
      node.number = *number;
    }
  }
  return node;
}

class YamlEvents : public YAML::EventHandler {
 public:
  explicit YamlEvents(TreeBuilder& tree) : tree_(tree) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    SpecNode node;
    node.line = mark.line + 1;
    tree_.scalar(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_anchor(mark, 1); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_anchor(mark, 1); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (tag == "!") {  // quoted or block: text, whatever it looks like
      SpecNode node;
      node.kind = Kind::kText;
      node.text = value;
      node.line = mark.line + 1;
      tree_.scalar(std::move(node));
    } else {
      tree_.scalar(plain_scalar(value, mark.line + 1));
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    tree_.open(Kind::kList, mark.line + 1);
  }
  void OnSequenceEnd() override { tree_.close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    tree_.open(Kind::kMap, mark.line + 1);
  }
  void OnMapEnd() override { tree_.close(); }

 private:
  static void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0)
      fail(ErrorCode::kSpec,
           "{}anchors and aliases (& and *) are not read; write the value out, or quote the text",
           at_line(mark.line + 1));
  }
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      fail(ErrorCode::kSpec, "{}tags ({}) are not read; write the value plainly, or quote the text",
           at_line(mark.line + 1), tag);
  }

  TreeBuilder& tree_;
};

class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit JsonEvents(TreeBuilder& tree) : tree_(tree) {}

  bool null() override { return put({}); }
  bool boolean(bool value) override {
    SpecNode node;
    node.kind = Kind::kBool;
    node.boolean = value;
    return put(std::move(node));
  }
  bool number_integer(number_integer_t value) override {
    SpecNode node;
    node.kind = Kind::kInteger;
    node.integer = value;
    node.number = static_cast<double>(value);
    return put(std::move(node));
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(INT64_MAX))
      return number_float(static_cast<double>(value), "");
    return number_integer(static_cast<int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t&) override {
    SpecNode node;
    node.kind = Kind::kNumber;
    node.number = value;
    return put(std::move(node));
  }
  bool string(string_t& value) override {
    SpecNode node;
    node.kind = Kind::kText;
    node.text = value;
    return put(std::move(node));
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return tree_.open(Kind::kMap, 0), true; }
  bool end_object() override { return tree_.close(), true; }
  bool start_array(std::size_t) override { return tree_.open(Kind::kList, 0), true; }
  bool end_array() override { return tree_.close(), true; }
  bool key(string_t& name) override { return tree_.key(name, 0), true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    std::string_view what =
        error.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    if (const size_t end = what.find("] "); end != std::string_view::npos) what.remove_prefix(end + 2);
    fail(ErrorCode::kSpec, "not JSON: {}", what);
  }

 private:
  bool put(SpecNode node) {
    tree_.scalar(std::move(node));
    return true;
  }

  TreeBuilder& tree_;
};

SpecNode parse_yaml(std::string_view text) {
  TreeBuilder tree;
  YamlEvents events(tree);
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(events)) return {};
    SpecNode root = tree.take();
    TreeBuilder rest;
    YamlEvents more(rest);
    if (parser.HandleNextDocument(more)) fail(ErrorCode::kSpec, "more than one YAML document; keep one");
    return root;
  } catch (const YAML::Exception& error) {
    fail(ErrorCode::kSpec, "{}not YAML: {}", at_line(error.mark.line + 1), error.msg);
  }
}

void forget_lines(SpecNode& node) {
  node.line = 0;
  for (SpecNode& item : node.items) forget_lines(item);
  for (auto& member : node.members) forget_lines(member.second);
}

}  // namespace

SpecNode parse_spec_tree(std::string_view text, SpecFormat format) {
  if (text.size() > kMaxSpecBytes)
    fail(ErrorCode::kSpec, "{} bytes; a specification has at most {}", text.size(), kMaxSpecBytes);
  if (!is_utf8_text(text)) fail(ErrorCode::kSpec, "not UTF-8 text");
  if (format == SpecFormat::kYaml) return parse_yaml(text);
  TreeBuilder tree;
  JsonEvents events(tree);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &events)) fail(ErrorCode::kSpec, "not JSON");
  return tree.take();
}

SpecNode parse_spec_value(std::string_view text) {
  SpecNode value = parse_spec_tree(text, SpecFormat::kYaml);
  forget_lines(value);
  return value;
}

}  // namespace rle
