#include "server/json_body.h"

#include <cctype>

#include <algorithm>

#include <unordered_set>

#include "base/error.h"
#include "server/problem.h"

namespace rle {
namespace {

[[noreturn]] void refuse(const std::string& detail) { throw Problem(400, "invalid-request", detail); }

std::string place_of(std::string_view text, size_t byte) {
  const std::string_view before = text.substr(0, std::min(byte > 0 ? byte - 1 : 0, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t begin = before.rfind('\n');
  const size_t column = before.size() - (begin == std::string_view::npos ? 0 : begin + 1) + 1;
  return fmt::format("line {}, column {}", line, column);
}

// Builds the value while it is read; members are appended, as looking for them would take long in a large
// object.
class BodyReader {
 public:
  explicit BodyReader(std::string_view text) : text_(text) {}

  bool null() { return place(nullptr); }
  bool boolean(bool value) { return place(value); }
  bool number_integer(int64_t value) { return place(value); }
  bool number_unsigned(uint64_t value) { return place(value); }
  bool number_float(double value, const std::string&) { return place(value); }
  bool string(std::string& value) {
    if (value.find('\0') != std::string::npos) refuse("a text with a zero byte in it");
    return place(std::move(value));
  }
  bool binary(Json::binary_t&) { return false; }

  bool start_object(size_t) { return open(Json::object()); }
  bool end_object() { return close(); }
  bool start_array(size_t) { return open(Json::array()); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    Level& level = levels_.back();
    if (!level.keys.insert(name).second)
      refuse(fmt::format("the key '{}' is there twice in one object", name));
    level.value->get_ref<Json::object_t&>().emplace_back(name, Json());
    return true;
  }

  bool parse_error(size_t byte, const std::string&, const nlohmann::detail::exception& error) {
    std::string what = error.what();  // "[id] parse error at line 1, column 2: syntax error ..."
    const size_t column = what.find("column "), begin = what.find(": ", std::min(column, what.size()));
    if (begin != std::string::npos) what = what.substr(begin + 2, 300);
    refuse(fmt::format("the body is no JSON: {}: {}", place_of(text_, byte), what));
  }

  Json take() { return std::move(root_); }

 private:
  struct Level {
    Json* value;
    std::unordered_set<std::string> keys;
  };

  Json* slot() {
    if (levels_.empty()) return &root_;
    Json& parent = *levels_.back().value;
    if (parent.is_object()) return &parent.get_ref<Json::object_t&>().back().second;
    return &parent.get_ref<Json::array_t&>().emplace_back();
  }
  bool place(Json value) {
    *slot() = std::move(value);
    return true;
  }
  bool open(Json empty) {
    if (levels_.size() >= kMaxBodyDepth)
      refuse(fmt::format("the body is nested deeper than {} levels", kMaxBodyDepth));
    Json* value = slot();
    *value = std::move(empty);
    levels_.push_back({value, {}});
    return true;
  }
  bool close() {
    levels_.pop_back();
    return true;
  }

  std::string_view text_;
  Json root_;
  std::vector<Level> levels_;
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

void check_type(const Request& request) {
  const std::string given = request.header("content-type").value_or("");
  std::string type = lower(given.substr(0, given.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  std::string charset;
  if (const size_t at = lower(given).find("charset="); at != std::string::npos) {
    charset = lower(given.substr(at + 8));
    std::erase(charset, '"');
    charset = charset.substr(0, charset.find(';'));
  }
  const std::string coding = lower(request.header("content-encoding").value_or("identity"));
  if (type != "application/json" || !(charset.empty() || charset == "utf-8") || coding != "identity")
    throw Problem(415, "unsupported-media-type",
                  fmt::format("the body is expected as application/json in UTF-8, found {}{}",
                              given.empty() ? "no Content-Type" : "'" + given.substr(0, 100) + "'",
                              coding == "identity" ? "" : " coded as '" + coding.substr(0, 100) + "'"));
}

}  // namespace

Json parse_json(std::string_view text) {
  BodyReader reader(text);
  Json::sax_parse(text.begin(), text.end(), &reader);
  return reader.take();
}

Json read_object(const Request& request, const std::vector<std::string>& known) {
  check_type(request);
  if (request.body.empty()) refuse("a body is expected: an object of JSON");
  Json body = parse_json(request.body);
  if (!body.is_object())
    throw Problem(422, "invalid-request", fmt::format("an object is expected, found {}", body.type_name()));
  for (const auto& [name, value] : body.items())
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Problem(422, "invalid-request",
                    fmt::format("no member '{}'{}", name.substr(0, 200), suggestion(name, known)), name);
  return body;
}

std::string text_member(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end()) throw Problem(422, "invalid-request", name + " is missing", name);
  if (!found->is_string() || found->get_ref<const std::string&>().empty())
    throw Problem(422, "invalid-request", fmt::format("{} is expected to be text", name), name);
  return found->get<std::string>();
}

}  // namespace rle
