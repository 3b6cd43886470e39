#include "train/checkpoint_check.h"

#include <algorithm>
#include <set>

#include "base/error.h"

namespace rle {
namespace {

template <typename Items, typename Name>
bool distinct(const Items& items, Name&& name) {
  std::set<std::string> seen;
  return std::all_of(items.begin(), items.end(),
                     [&](const auto& item) { return seen.insert(name(item)).second; });
}

std::string of_table(const TableSignature& table, const NodeTypeInfo& type,
                     const TableStatistics& statistics) {
  const std::vector<ColumnSpec>& features = table.schema.columns;
  if (table.schema.name != type.name || statistics.table != type.name)
    return fmt::format("table '{}', node type '{}' and the statistics of '{}' stand in one place",
                       table.schema.name, type.name, statistics.table);
  if (table.schema.time_column.has_value() != type.has_time)
    return fmt::format("node type '{}' and its table differ in whether they have a time", type.name);
  const bool same = std::equal(features.begin(), features.end(), statistics.columns.begin(),
                               statistics.columns.end(), [](const ColumnSpec& a, const ColumnStatistics& b) {
                                 return a.name == b.column && a.dtype == b.dtype;
                               });
  if (!same || !distinct(features, [](const ColumnSpec& c) { return c.name; }))
    return fmt::format("the features of table '{}' are not those of its statistics", type.name);
  for (const ColumnStatistics& column : statistics.columns) {
    if (column.dtype == Dtype::kText) return fmt::format("the feature '{}' is text", column.column);
    if (column.dtype == Dtype::kEmbedding && column.dimension < 1)
      return fmt::format("the embedding '{}' has no length", column.column);
  }
  return "";
}

std::string of_tables(const TrainedModel& trained) {
  const ModelDefinition& definition = trained.definition;
  if (!distinct(trained.tables, [](const TableSignature& t) { return t.schema.name; }))
    return "a table is there twice";
  size_t type = 0;
  for (const TableSignature& table : trained.tables) {
    if (table.schema.type == TableType::kEdge) continue;
    if (type == definition.graph.node_types.size() || type == definition.statistics.size())
      return fmt::format("table '{}' has no node type", table.schema.name);
    const std::string what = of_table(table, definition.graph.node_types[type], definition.statistics[type]);
    if (!what.empty()) return what;
    ++type;
  }
  if (type != definition.graph.node_types.size() || type != definition.statistics.size())
    return fmt::format("{} node types and {} tables", definition.graph.node_types.size(), type);
  return "";
}

bool has_key(const std::vector<TableSignature>& tables, const std::string& table, const std::string& key) {
  return std::any_of(tables.begin(), tables.end(), [&](const TableSignature& t) {
    return t.schema.name == table && t.schema.type == TableType::kNode && t.schema.is_key(key);
  });
}

std::string of_links(const TrainedModel& trained) {
  const TaskSpec& task = trained.task;
  if (!has_key(trained.tables, task.target_table, task.target_key))
    return fmt::format("'{}' is no key of table '{}'", task.target_key, task.target_table);
  if (trained.config.model.link_fusion && task.type != TaskType::kLinkPrediction)
    return fmt::format("link fusion in a {}", to_string(task.type));
  return trained.encoding.classes.empty() ? "" : "a link task with classes";
}

std::string of_task(const TrainedModel& trained) {
  const TaskSpec& task = trained.task;
  if (trained.definition.graph.node_types[trained.definition.entity_type.index()].name != task.entity_table)
    return fmt::format("the entity table is '{}', its node type another", task.entity_table);
  if (!has_key(trained.tables, task.entity_table, task.entity_key))
    return fmt::format("'{}' is no key of table '{}'", task.entity_key, task.entity_table);
  if (is_link(task.type)) return of_links(trained);
  if (trained.config.model.link_fusion) return fmt::format("link fusion in a {}", to_string(task.type));
  if (!task.target_table.empty()) return fmt::format("a target table in a {}", to_string(task.type));
  switch (task.type) {
    case TaskType::kBinary:
      return trained.encoding.classes.size() == 2 ? "" : "a binary task without two classes";
    case TaskType::kMulticlass:
    case TaskType::kMultilabel:
      return trained.encoding.classes.empty() ? "a classification without classes" : "";
    default:
      return "";
  }
}

std::string of_config(const TrainConfig& config) {
  const ModelConfig& model = config.model;
  if (model.channels % 2 != 0) return "an odd number of channels";
  if (!(model.dropout >= 0 && model.dropout < 1)) return fmt::format("a dropout of {}", model.dropout);
  if (model.head_norm == Norm::kInstance) return "an instance norm in the head";
  if (config.sampler.fanouts.empty() || config.sampler.fanouts.size() > static_cast<size_t>(kMaxLayers))
    return fmt::format("{} fanouts", config.sampler.fanouts.size());
  if (!distinct(model.shallow_embeddings, [](const std::string& name) { return name; }))
    return "shallow embeddings of a table twice";
  return "";
}

}  // namespace

std::string contradiction(const TrainedModel& trained) {
  for (const std::string& what : {of_config(trained.config), of_tables(trained), of_task(trained)})
    if (!what.empty()) return what;
  return "";
}

bool same_types(const GraphSchema& a, const GraphSchema& b) {
  return std::equal(a.node_types.begin(), a.node_types.end(), b.node_types.begin(), b.node_types.end(),
                    [](const NodeTypeInfo& x, const NodeTypeInfo& y) {
                      return x.name == y.name && x.has_time == y.has_time;
                    }) &&
         std::equal(a.edge_types.begin(), a.edge_types.end(), b.edge_types.begin(), b.edge_types.end(),
                    [](const EdgeTypeInfo& x, const EdgeTypeInfo& y) {
                      return x.name == y.name && x.source == y.source && x.target == y.target;
                    });
}

}  // namespace rle
