#include "table/schema.h"

#include <algorithm>
#include <array>
#include <utility>

namespace rle {
namespace {

constexpr std::array<std::pair<Dtype, std::string_view>, 7> kDtypeNames = {{
    {Dtype::kText, "text"},
    {Dtype::kInteger, "integer"},
    {Dtype::kFloat, "float"},
    {Dtype::kCategory, "category"},
    {Dtype::kMultiCategorical, "multi_categorical"},
    {Dtype::kEmbedding, "embedding"},
    {Dtype::kDatetime, "datetime"},
}};

}  // namespace

std::string_view to_string(Dtype dtype) {
  for (const auto& [value, name] : kDtypeNames)
    if (value == dtype) return name;
  return "";
}

std::optional<Dtype> dtype_from_string(std::string_view name) {
  for (const auto& [value, text] : kDtypeNames)
    if (text == name) return value;
  return std::nullopt;
}

bool TableSchema::is_key(std::string_view column) const {
  const auto named = [column](const auto& key) { return key.column == column; };
  return primary_key == column || std::any_of(candidate_keys.begin(), candidate_keys.end(), named) ||
         std::any_of(foreign_keys.begin(), foreign_keys.end(), named);
}

bool TableSchema::is_feature_key(std::string_view column) const {
  const auto feature = [column](const auto& key) { return key.column == column && key.is_feature; };
  return std::any_of(candidate_keys.begin(), candidate_keys.end(), feature) ||
         std::any_of(foreign_keys.begin(), foreign_keys.end(), feature);
}

}  // namespace rle
