// The document and the routes tell the same.
#include "server/openapi.h"

#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "server/routes.h"

namespace rle {
namespace {

using Operation = std::pair<std::string, std::string>;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

class OpenApi : public ::testing::Test {
 protected:
  OpenApi() : document_(Json::parse(openapi_text())) {
    HostOptions options;
    options.state_folder = folder_.path();
    options.self = {"/bin/false"};
    host_ = std::make_unique<Host>(options);
    context_.reset(
        new RouteContext{*host_, figures_, "someone", [] { return size_t{0}; }, [](const std::string&) {}});
    add_routes(router_, *context_);
  }

  // What a reference within the document points to; nullptr where nothing is.
  const Json* target(const std::string& reference) const {
    try {
      return &document_.at(Json::json_pointer(reference.substr(1)));
    } catch (const Json::exception&) {
      return nullptr;
    }
  }
  void check_references(const Json& node) const {
    if (node.is_object() && node.contains("$ref") && node["$ref"].is_string()) {
      const std::string reference = node["$ref"].get<std::string>();
      EXPECT_TRUE(reference.starts_with("#/") && target(reference)) << reference;
    }
    if (node.is_structured())
      for (const Json& child : node) check_references(child);
  }

  const Json document_;
  TemporaryFolder folder_;
  HttpFigures figures_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<RouteContext> context_;
  Router router_;
};

TEST_F(OpenApi, ItHasTheRoutersPathsAndMethods) {
  std::set<Operation> documented, routed;
  for (const auto& [path, item] : document_.at("paths").items())
    for (const auto& [method, operation] : item.items()) documented.emplace(method, path);
  for (const Route& route : router_.routes()) routed.emplace(lower(route.method), route.path);
  EXPECT_EQ(documented, routed);
}

TEST_F(OpenApi, ParametersAndSecurityAreThoseOfTheRoutes) {
  for (const Route& route : router_.routes()) {
    const Json& operation = document_.at("paths").at(route.path).at(lower(route.method));
    std::set<std::string> query;
    for (const Json& reference : operation.value("parameters", Json::array())) {
      const Json* parameter = target(reference.at("$ref").get<std::string>());
      ASSERT_TRUE(parameter);
      if (parameter->at("in") == "query") query.insert(parameter->at("name").get<std::string>());
    }
    EXPECT_EQ(query, std::set<std::string>(route.query.begin(), route.query.end())) << route.path;
    EXPECT_EQ(operation.contains("security"), route.open) << route.path;
    EXPECT_EQ(operation.at("responses").contains("401"), !route.open) << route.path;
  }
}

TEST_F(OpenApi, EveryReferenceIsToAPlaceInIt) {
  check_references(document_);
  EXPECT_TRUE(document_.at("components").at("schemas").at("Specification").contains("$defs"));
  EXPECT_EQ(document_.at("openapi"), "3.1.0");
}

}  // namespace
}  // namespace rle
