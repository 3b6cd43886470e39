#include "job/run_identity.h"

#include "base/checksum.h"
#include "table/content_checksum.h"
#include "train/checkpoint_json.h"

namespace rle {
namespace {
using Json = nlohmann::ordered_json;

Json or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

Json schema_json(const TableSchema& schema) {
  Json out{{"type", schema.type == TableType::kNode ? "node" : "edge"},
           {"primary_key", or_null(schema.primary_key)},
           {"time_column", or_null(schema.time_column)},
           {"candidate_keys", Json::object()},
           {"foreign_keys", Json::object()},
           {"columns", Json::object()},
           {"exclude", schema.excluded_columns},
           {"other_columns", schema.all_columns ? "infer" : "ignore"}};
  for (const CandidateKey& key : schema.candidate_keys)
    out["candidate_keys"][key.column] = {{"is_feature", key.is_feature}};
  for (const ForeignKey& key : schema.foreign_keys)
    out["foreign_keys"][key.column] = {{"link_to", key.parent_table + "." + key.parent_column},
                                       {"is_feature", key.is_feature}};
  for (const ColumnSpec& column : schema.columns)
    out["columns"][column.name] = column.dtype ? Json(to_string(*column.dtype)) : Json("infer");
  return out;
}

Json labels_json(const LabelTable& labels) {
  Checksum checksum;
  checksum.add(labels.entity);
  checksum.add(labels.time_us);
  checksum.add(labels.value);
  checksum.add(labels.class_id);
  checksum.add(labels.label_offsets);
  checksum.add(labels.label_ids);
  checksum.add(labels.has_label);
  checksum.add(labels.target_offsets);
  checksum.add(labels.targets);
  checksum.add(labels.target_total);
  return {{"rows", labels.rows}, {"checksum", checksum.text()}};
}

void differences(const Json& then, const Json& now, const std::string& path, std::vector<std::string>& out) {
  if (then == now) return;
  if (!then.is_object() || !now.is_object()) {
    out.push_back(fmt::format("{} is {} and was {}", path, now.dump(), then.dump()));
    return;
  }
  const auto below = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  for (const auto& [key, value] : then.items())
    if (now.contains(key))
      differences(value, now[key], below(key), out);
    else
      out.push_back(fmt::format("{} is absent and was {}", below(key), value.dump()));
  for (const auto& [key, value] : now.items())
    if (!then.contains(key)) out.push_back(fmt::format("{} is {} and was absent", below(key), value.dump()));
}

}  // namespace

std::string RunIdentity::checksum() const {
  Checksum checksum;
  checksum.add(specification.dump());
  checksum.add(data.dump());
  return checksum.text();
}

Json specification_identity(const JobSpec& spec) {
  Json out{{"config", Json::parse(describe_config(spec.train))},
           {"task", spec.task ? Json::parse(describe_task(*spec.task)) : Json(nullptr)},
           {"tables", Json::object()}};
  out["config"]["visible_until_us"] = spec.visible_until_us ? Json(*spec.visible_until_us) : Json(nullptr);
  for (const TableSchema& schema : spec.tables) out["tables"][schema.name] = schema_json(schema);
  return out;
}

Json tables_identity(const std::vector<Table>& tables) {
  Json out = Json::object();
  for (const Table& table : tables)
    out[table.schema.name] = {{"rows", table.rows}, {"checksum", content_checksum(table)}};
  return out;
}

Json labels_identity(const Dataset& dataset) {
  Checksum classes;
  for (const std::string& name : dataset.encoding.classes) classes.add(name);
  classes.add(dataset.encoding.arrow_format);
  return {{"train", labels_json(*dataset.train)},
          {"validation", labels_json(*dataset.validation)},
          {"classes", classes.text()}};
}

std::vector<std::string> json_differences(const Json& then, const Json& now, size_t most) {
  std::vector<std::string> out;
  differences(then, now, "", out);
  if (out.size() > most) {
    const size_t rest = out.size() - most;
    out.resize(most);
    out.push_back(fmt::format("and {} more", rest));
  }
  return out;
}

}  // namespace rle
