#include "server/openapi.h"

#include "base/error.h"
#include "server/records.h"

namespace rle {

// schema/*.json, by server/layer.cmake
extern const char* const kOpenApiSchema;
extern const char* const kJobSchema;

namespace {

// Replaces what references begin with.
void move_references(Json& node, const std::string& from, const std::string& to) {
  if (node.is_object()) {
    const auto reference = node.find("$ref");
    if (reference != node.end() && reference->is_string()) {
      const std::string text = reference->get<std::string>();
      if (text.starts_with(from)) *reference = to + text.substr(from.size());
    }
  }
  if (node.is_structured())
    for (Json& child : node) move_references(child, from, to);
}

std::string merged() {
  Json document = Json::parse(kOpenApiSchema), specification = Json::parse(kJobSchema);
  specification.erase("$id");
  specification.erase("$schema");
  move_references(specification, "#/", "#/components/schemas/Specification/");
  move_references(document, "job.schema.json", "#/components/schemas/Specification");
  document["components"]["schemas"]["Specification"] = std::move(specification);
  document["info"]["version"] = RLE_VERSION;
  return document.dump();
}

}  // namespace

const std::string& openapi_text() {
  static const std::string text = merged();
  return text;
}

}  // namespace rle
