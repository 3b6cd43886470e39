#include "bench/batch_builder.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/time.h"

namespace rle {
namespace {

constexpr int8_t kNotReached = -1;

std::string node_tensor(const GraphSchema& schema, size_t type) {
  return "node." + schema.node_types[type].name;
}

std::string edge_tensor(const GraphSchema& schema, size_t type) {
  const EdgeTypeInfo& edge = schema.edge_types[type];
  return fmt::format("edge.{}.{}.{}", schema.node_types[edge.source.index()].name, edge.name,
                     schema.node_types[edge.target.index()].name);
}

bool within(int32_t value, size_t size) { return value >= 0 && static_cast<size_t>(value) < size; }

// The first value that stands twice, or nullptr.
const uint64_t* first_double(std::vector<uint64_t>& values) {
  std::sort(values.begin(), values.end());
  const auto found = std::adjacent_find(values.begin(), values.end());
  return found == values.end() ? nullptr : &*found;
}

uint64_t pair_key(int32_t high, int32_t low) {
  return static_cast<uint64_t>(high) << 32 | static_cast<uint32_t>(low);
}

// The edge type from parents to children of the foreign key behind `type`.
size_t to_children(const GraphSchema& schema, size_t type) {
  const EdgeTypeInfo& edge = schema.edge_types[type];
  if (edge.name.starts_with("rev_f2p_")) return type;
  for (size_t e = 0; e < schema.edge_types.size(); ++e) {
    const EdgeTypeInfo& other = schema.edge_types[e];
    if (other.name == "rev_" + edge.name && other.source == edge.target && other.target == edge.source)
      return e;
  }
  RLE_CHECK(false);
}

}  // namespace

BatchBuilder::BatchBuilder(const Dataset& dataset, int64_t hops)
    : dataset_(dataset), schema_(dataset.graph.schema()), hops_(hops) {
  const size_t types = schema_.node_types.size();
  RLE_CHECK(dataset.source_rows.size() == types && hops >= 1 && hops < 100);
  for (const EdgeTypeInfo& edge : schema_.edge_types)
    if (!edge.name.starts_with("f2p_") && !edge.name.starts_with("rev_f2p_"))
      fail(ErrorCode::kSpec,
           "batch files hold foreign keys of node tables only; '{}' is a table of type edge", edge.name);
  if (dataset.task.type != TaskType::kRegression && dataset.task.type != TaskType::kBinary &&
      dataset.task.type != TaskType::kLinkPrediction)
    fail(ErrorCode::kSpec,
         "batch files hold one number a seed as label, or pairs of link_prediction; the task is of type {}",
         to_string(dataset.task.type));
  for (const std::vector<uint32_t>& rows : dataset.source_rows) {
    const size_t size = rows.empty() ? 0 : size_t{*std::max_element(rows.begin(), rows.end())} + 1;
    std::vector<NodeId>& nodes = node_of_row_.emplace_back(size, kNoNode);
    for (size_t node = 0; node < rows.size(); ++node) nodes[rows[node]] = static_cast<NodeId>(node);
  }
  hop_.resize(types);
  place_.resize(types);
  trees_.resize(1);
}

void BatchBuilder::check(const BatchFile& file, ThreadPool& pool) {
  check_seeds(file);
  const SeedLimits limits = limits_of(file);
  check_nodes(file, limits);
  check_edges(file);
  for (size_t e = 0; e < file.edges.size(); ++e) check_foreign_keys(file, e, limits);
  Batch batch;
  build(file, pool, batch);
}

NodeTypeId BatchBuilder::seed_type(const BatchFile& file, int64_t seed) const {
  return seed < file.sources() ? dataset_.entity_type : dataset_.target_type;
}

// How many of a type's first nodes are seeds.
std::vector<int64_t> BatchBuilder::seeds_by_type(const BatchFile& file) const {
  std::vector<int64_t> counts(file.nodes.size(), 0);
  counts[dataset_.entity_type.index()] += file.sources();
  counts[dataset_.target_type.index()] += file.targets;
  return counts;
}

void BatchBuilder::check_seeds(const BatchFile& file) const {
  if (file.sources() == 0) fail(ErrorCode::kData, "{}: no seed", file.path);
  std::vector<size_t> next(file.nodes.size(), 0);
  for (int64_t i = 0; i < file.seeds(); ++i) {
    const auto seed = static_cast<size_t>(i);
    const size_t type = seed_type(file, i).index(), place = next[type]++;
    const BatchFile::Nodes& nodes = file.nodes[type];
    const std::string& table = schema_.node_types[type].name;
    if (place >= nodes.row.size())
      fail(ErrorCode::kData, "{}: '{}' has more seeds than its {} nodes; its first nodes must be the seeds",
           file.path, table, nodes.row.size());
    if (nodes.row[place] != file.seed_row[seed] || nodes.seed[place] != static_cast<int32_t>(i))
      fail(ErrorCode::kData,
           "{}: node {} of '{}' is row {} for seed {}; the first nodes must be the seeds: row {} for seed {}",
           file.path, place, table, nodes.row[place], nodes.seed[place], file.seed_row[seed], i);
    if (std::abs(file.seed_time_s[seed]) > INT64_MAX / kMicrosPerSecond)
      fail(ErrorCode::kData, "{}: seed_time {} of seed {} is no time in seconds since 1970", file.path,
           file.seed_time_s[seed], i);
  }
  check_labels(file);
}

void BatchBuilder::check_labels(const BatchFile& file) const {
  const bool binary = dataset_.task.type == TaskType::kBinary;
  for (size_t i = 0; i < file.label.size(); ++i)
    if (const float label = file.label[i]; binary ? label != 0 && label != 1 : !std::isfinite(label))
      fail(ErrorCode::kData, "{}: label {} of seed {}; expected {}", file.path, label, i,
           binary ? "0 or 1" : "a finite number");
  const auto check_pair = [&](int64_t source, int32_t target) {
    if (file.seed_time_s[static_cast<size_t>(target)] != file.seed_time_s[static_cast<size_t>(source)])
      fail(ErrorCode::kData, "{}: seed {} is paired with target seed {}, which has another time", file.path,
           source, target);
  };
  for (int64_t source = 0; source < file.sources() && file.targets > 0; ++source) {
    check_pair(source, file.positive[static_cast<size_t>(source)]);
    for (int64_t k = 0; k < file.negatives(); ++k)
      check_pair(source, file.negative[static_cast<size_t>(source * file.negatives() + k)]);
  }
}

SeedLimits BatchBuilder::limits_of(const BatchFile& file) const {
  std::vector<int64_t> time_us;
  for (int64_t time_s : file.seed_time_s) time_us.push_back(time_s * kMicrosPerSecond);
  SeedLimits limits;
  dataset_.graph.seed_limits(time_us.data(), file.seeds(), dataset_.task.current_time, limits);
  return limits;
}

void BatchBuilder::check_nodes(const BatchFile& file, const SeedLimits& limits) const {
  const size_t seeds = file.seed_row.size();
  const std::vector<int64_t> own = seeds_by_type(file);
  for (size_t t = 0; t < file.nodes.size(); ++t) {
    const BatchFile::Nodes& nodes = file.nodes[t];
    std::vector<uint64_t> keys;
    for (size_t i = 0; i < nodes.row.size(); ++i) {
      const std::string at = node_tensor(schema_, t);
      if (!within(nodes.seed[i], seeds))
        fail(ErrorCode::kData, "{}: {}.seed[{}] is {}; there are {} seeds", file.path, at, i, nodes.seed[i],
             seeds);
      if (!within(nodes.row[i], node_of_row_[t].size()) || node_of(t, nodes.row[i]) == kNoNode)
        fail(ErrorCode::kData,
             "{}: {}.row[{}] is {}, a row that the table's source does not have, or only after visible_until",
             file.path, at, i, nodes.row[i]);
      const bool is_seed = static_cast<int64_t>(i) < own[t];
      if (!is_seed && node_of(t, nodes.row[i]) >= limits.end[t * seeds + static_cast<size_t>(nodes.seed[i])])
        fail(ErrorCode::kData, "{}: {}.row[{}] is row {}, which seed {} may not see yet", file.path, at, i,
             nodes.row[i], nodes.seed[i]);
      keys.push_back(pair_key(nodes.seed[i], nodes.row[i]));
    }
    if (const uint64_t* twice = first_double(keys))
      fail(ErrorCode::kData, "{}: {} holds row {} twice for seed {}", file.path, node_tensor(schema_, t),
           static_cast<uint32_t>(*twice), *twice >> 32);
  }
}

void BatchBuilder::check_edges(const BatchFile& file) const {
  for (size_t e = 0; e < file.edges.size(); ++e) {
    const BatchFile::Edges& edges = file.edges[e];
    const BatchFile::Nodes& sources = file.nodes[schema_.edge_types[e].source.index()];
    const BatchFile::Nodes& targets = file.nodes[schema_.edge_types[e].target.index()];
    std::vector<uint64_t> keys;
    for (size_t i = 0; i < edges.source.size(); ++i) {
      const int32_t source = edges.source[i], target = edges.target[i];
      if (!within(source, sources.row.size()) || !within(target, targets.row.size()))
        fail(ErrorCode::kData, "{}: {} joins nodes {} and {} in column {}; there are {} and {}", file.path,
             edge_tensor(schema_, e), source, target, i, sources.row.size(), targets.row.size());
      if (sources.seed[static_cast<size_t>(source)] != targets.seed[static_cast<size_t>(target)])
        fail(ErrorCode::kData, "{}: {} joins the subgraphs of two seeds in column {}", file.path,
             edge_tensor(schema_, e), i);
      keys.push_back(pair_key(target, source));
    }
    if (const uint64_t* twice = first_double(keys))
      fail(ErrorCode::kData, "{}: {} holds the edge {} -> {} twice", file.path, edge_tensor(schema_, e),
           static_cast<uint32_t>(*twice), *twice >> 32);
  }
}

void BatchBuilder::check_foreign_keys(const BatchFile& file, size_t edge_type,
                                      const SeedLimits& limits) const {
  const size_t keys = to_children(schema_, edge_type);
  const EdgeTypeInfo& key = schema_.edge_types[keys];
  const BatchFile::Nodes &parents = file.nodes[key.source.index()],
                         &children = file.nodes[key.target.index()];
  const std::vector<int32_t>& child_ends =
      keys == edge_type ? file.edges[edge_type].target : file.edges[edge_type].source;
  const std::vector<int32_t>& parent_ends =
      keys == edge_type ? file.edges[edge_type].source : file.edges[edge_type].target;
  std::vector<NodeId> targets;
  std::vector<int32_t> seed;
  for (int32_t child : child_ends) {
    targets.push_back(node_of(key.target.index(), children.row[static_cast<size_t>(child)]));
    seed.push_back(children.seed[static_cast<size_t>(child)]);
  }
  HopAnswer answer;
  dataset_.graph.sample({.edge_type = EdgeTypeId(static_cast<int32_t>(keys)),
                         .fanout = 1,
                         .strategy = TemporalStrategy::kLast,
                         .limits = &limits,
                         .targets = targets.data(),
                         .seed = seed.data(),
                         .n = static_cast<int64_t>(targets.size())},
                        answer);
  for (size_t i = 0; i < targets.size(); ++i) {
    const int32_t row = parents.row[static_cast<size_t>(parent_ends[i])];
    const auto at = static_cast<size_t>(answer.offsets[i]);
    if (answer.offsets[i] == answer.offsets[i + 1] || answer.sources[at] != node_of(key.source.index(), row))
      fail(ErrorCode::kData, "{}: {}, column {}: row {} of '{}' does not refer to row {} of '{}'", file.path,
           edge_tensor(schema_, edge_type), i, children.row[static_cast<size_t>(child_ends[i])],
           schema_.node_types[key.target.index()].name, row, schema_.node_types[key.source.index()].name);
  }
}

void BatchBuilder::find_hops(const BatchFile& file) {
  const std::vector<int64_t> own = seeds_by_type(file);
  for (size_t t = 0; t < hop_.size(); ++t) {
    hop_[t].assign(file.nodes[t].row.size(), kNotReached);
    std::fill_n(hop_[t].begin(), own[t], int8_t{0});
  }
  for (int8_t hop = 1; hop <= hops_; ++hop)
    for (size_t e = 0; e < file.edges.size(); ++e) {
      std::vector<int8_t>& sources = hop_[schema_.edge_types[e].source.index()];
      const std::vector<int8_t>& targets = hop_[schema_.edge_types[e].target.index()];
      for (size_t i = 0; i < file.edges[e].source.size(); ++i)
        if (int8_t& source = sources[static_cast<size_t>(file.edges[e].source[i])];
            source == kNotReached && targets[static_cast<size_t>(file.edges[e].target[i])] == hop - 1)
          source = hop;
    }
  for (size_t t = 0; t < hop_.size(); ++t)
    if (const auto lost = std::find(hop_[t].begin(), hop_[t].end(), kNotReached); lost != hop_[t].end())
      fail(ErrorCode::kData,
           "{}: no path of {} edges or fewer (fanouts) leads from node {} of '{}' to its seed", file.path,
           hops_, lost - hop_[t].begin(), schema_.node_types[t].name);
  // Directional subgraphs only: a node of the last hop was not expanded.
  for (size_t e = 0; e < file.edges.size(); ++e)
    for (int32_t target : file.edges[e].target)
      if (hop_[schema_.edge_types[e].target.index()][static_cast<size_t>(target)] == hops_)
        fail(ErrorCode::kData,
             "{}: {} has an edge into node {}, {} hops from its seed; fanouts has {} numbers", file.path,
             edge_tensor(schema_, e), target, hops_, hops_);
}

// By hop, then seed, then place in the file.
void BatchBuilder::order_nodes(const BatchFile& file) {
  const size_t seeds = file.seed_row.size(), keys = static_cast<size_t>(hops_ + 1) * seeds;
  SeedTrees& trees = trees_[0];
  trees.first_seed = 0;
  trees.seeds = file.seeds();
  trees.nodes.resize(file.nodes.size());
  for (size_t t = 0; t < file.nodes.size(); ++t) {
    const BatchFile::Nodes& nodes = file.nodes[t];
    TreeNodes& to = trees.nodes[t];
    const auto key = [&](size_t i) {
      return static_cast<size_t>(hop_[t][i]) * seeds + static_cast<size_t>(nodes.seed[i]);
    };
    next_.assign(keys + 1, 0);
    for (size_t i = 0; i < nodes.row.size(); ++i) ++next_[key(i) + 1];
    for (size_t k = 0; k < keys; ++k) next_[k + 1] += next_[k];
    to.hop_end.clear();
    for (int64_t hop = 0; hop <= hops_; ++hop)
      to.hop_end.push_back(next_[static_cast<size_t>(hop + 1) * seeds]);
    to.node.resize(nodes.row.size());
    to.seed.resize(nodes.row.size());
    place_[t].resize(nodes.row.size());
    for (size_t i = 0; i < nodes.row.size(); ++i) {
      const int32_t place = next_[key(i)]++;
      place_[t][i] = place;
      to.node[static_cast<size_t>(place)] = node_of(t, nodes.row[i]);
      to.seed[static_cast<size_t>(place)] = nodes.seed[i];
    }
  }
}

void BatchBuilder::order_edges(const BatchFile& file) {
  trees_[0].edges.resize(file.edges.size());
  for (size_t e = 0; e < file.edges.size(); ++e) {
    const BatchFile::Edges& edges = file.edges[e];
    const std::vector<int32_t>& sources = place_[schema_.edge_types[e].source.index()];
    const size_t target_type = schema_.edge_types[e].target.index();
    const std::vector<int32_t>& targets = place_[target_type];
    const auto expanded =
        static_cast<size_t>(trees_[0].nodes[target_type].hop_end[static_cast<size_t>(hops_ - 1)]);
    TreeEdges& to = trees_[0].edges[e];
    to.offsets.assign(expanded + 1, 0);
    for (int32_t target : edges.target)
      ++to.offsets[static_cast<size_t>(targets[static_cast<size_t>(target)]) + 1];
    for (size_t i = 0; i < expanded; ++i) to.offsets[i + 1] += to.offsets[i];
    next_.assign(to.offsets.begin(), to.offsets.end());
    to.source.resize(edges.source.size());
    for (size_t i = 0; i < edges.source.size(); ++i) {
      const auto target = static_cast<size_t>(targets[static_cast<size_t>(edges.target[i])]);
      to.source[static_cast<size_t>(next_[target]++)] = sources[static_cast<size_t>(edges.source[i])];
    }
  }
}

void BatchBuilder::build(const BatchFile& file, ThreadPool& pool, Batch& out) {
  find_hops(file);
  order_nodes(file);
  order_edges(file);
  seeds_.entity_type = dataset_.entity_type;
  seeds_.target_type = dataset_.target_type;
  seeds_.targets = file.targets;
  seeds_.nodes.clear();
  seeds_.time_us.clear();
  for (int64_t i = 0; i < file.seeds(); ++i)
    seeds_.nodes.push_back(node_of(seed_type(file, i).index(), file.seed_row[static_cast<size_t>(i)]));
  for (int64_t time_s : file.seed_time_s) seeds_.time_us.push_back(time_s * kMicrosPerSecond);
  collator_.collate(dataset_.graph, seeds_, trees_, pool, out);
  out.seeds = file.seeds();
}

}  // namespace rle
