#include "server/v1alpha1/payload.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace rle::v1alpha1 {

const Json& payload_of(const Json& body) {
  if (!body.is_object()) throw Problem(400, "invalid-request", "the body is no JSON object");
  const Json* user = find(body, "user");
  if (user != nullptr && user->is_object() && !body.contains("payload_type")) return *user;
  return body;
}

const Json* find(const Json& object, const std::string& key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

const Json& require(const Json& object, const std::string& path, const std::string& key) {
  const Json* found = find(object, key);
  if (found == nullptr)
    throw Problem(422, "invalid-request", fmt::format("missing required {}.{}", path, key), path + "." + key);
  return *found;
}

std::string require_text(const Json& object, const std::string& path, const std::string& key) {
  const Json& value = require(object, path, key);
  if (!value.is_string()) refuse(path + "." + key, fmt::format("expected text, found {}", value.dump()));
  return value.get<std::string>();
}

const Json& list(const Json& object, const std::string& path, const std::string& key) {
  static const Json kEmpty = Json::array();
  const Json* found = find(object, key);
  if (found == nullptr) return kEmpty;
  if (!found->is_array()) refuse(path + "." + key, fmt::format("expected a list, found {}", found->dump()));
  for (const Json& item : *found)
    if (!item.is_object()) refuse(path + "." + key, fmt::format("expected objects, found {}", item.dump()));
  return *found;
}

void check_members(const Json& object, const std::string& path, std::initializer_list<const char*> known) {
  if (!object.is_object()) refuse(path, fmt::format("expected an object, found {}", object.dump()));
  const std::vector<std::string> names(known.begin(), known.end());
  for (const auto& [key, value] : object.items())
    if (std::find(names.begin(), names.end(), key) == names.end())
      unsupported(path + "." + key, "is no known parameter" + suggestion(key, names));
}

void refuse(const std::string& path, const std::string& what) {
  throw Problem(422, "invalid-specification", path + ": " + what, path);
}

void unsupported(const std::string& path, const std::string& what) {
  throw Problem(422, "not-built", fmt::format("unsupported: {} {}", path, what), path);
}

std::string detail_of(const Problem& problem) {
  std::string text = problem.detail;
  const auto lead = [&text](const std::string& words) {
    if (text.find(words) == std::string::npos) text = words + ": " + text;
  };
  if (problem.name == "not-found") lead("not found");
  if (problem.name == "not-built") lead("unsupported");
  if (problem.name == "invalid-request" && problem.status == 400) lead("bad request");
  if (problem.name == "invalid-specification" || (problem.name == "invalid-request" && problem.status == 422))
    if (text.find("missing required") == std::string::npos && text.find("not found") == std::string::npos)
      lead("invalid parameter");
  if (!problem.advice.empty()) text += "; " + problem.advice;
  return text;
}

}  // namespace rle::v1alpha1
