#include "graph/graph.h"

#include <algorithm>

#include "base/error.h"
#include "base/prefetch.h"
#include "graph/subset.h"

namespace rle {
namespace {

// The visible part of a target's list.
struct Prefix {
  const NodeId* begin;
  const NodeId* end;
  int64_t size() const { return end - begin; }
};

// How many of the ascending `ids` are below `bound`, without branches.
size_t count_below(const NodeId* ids, size_t n, NodeId bound) {
  size_t count = 0;
  for (size_t left = n; left > 0;) {
    const size_t half = left - left / 2;
    count += ids[count + half - 1] < bound ? half : 0;
    left -= half;
  }
  return count;
}

Prefix visible_prefix(const Adjacency& lists, NodeId target, NodeId end_node, int64_t time_us) {
  const NodeId* sources = lists.sources.data();
  if (lists.offsets.empty()) {
    const NodeId* source = sources + target;
    return {source, source + (*source < end_node)};
  }
  const NodeId *begin = sources + lists.offsets[target], *end = sources + lists.offsets[target + 1];
  if (!lists.times_us.empty()) {
    const int64_t* times = lists.times_us.data();
    return {begin, sources + (std::upper_bound(times + (begin - sources), times + (end - sources), time_us) -
                              times)};
  }
  if (begin == end || end[-1] < end_node) return {begin, end};
  return {begin, begin + count_below(begin, static_cast<size_t>(end - begin), end_node)};
}

// How many of the ascending `times` are no later than each bound. The searches go side by side, so that their
// memory accesses overlap, and without branches.
void count_up_to(const int64_t* times, NodeId n, const std::vector<int64_t>& bounds, NodeId* counts) {
  std::fill_n(counts, bounds.size(), NodeId{0});
  for (NodeId left = n; left > 0;) {
    const NodeId half = left - left / 2;
    for (size_t b = 0; b < bounds.size(); ++b)
      counts[b] += half & -static_cast<NodeId>(times[counts[b] + half - 1] <= bounds[b]);
    left -= half;
  }
}

// Fetches lists before they are read: where they lie first, then their two ends.
class ListFetcher {
 public:
  ListFetcher(const Adjacency& lists, const HopRequest& request)
      : offsets_(lists.offsets.data()),
        sources_(lists.sources.data()),
        targets_(request.targets),
        n_(lists.offsets.empty() ? 0 : request.n) {}

  // Before the list of target i is read; i = 0, 1, ...
  void fetch_before(int64_t i) {
    constexpr auto kAhead = static_cast<int64_t>(kFetchedAhead);
    for (const int64_t end = std::min(n_, i + 2 * kAhead); places_ < end; ++places_)
      __builtin_prefetch(offsets_ + targets_[places_]);
    for (const int64_t end = std::min(n_, i + kAhead); lists_ < end; ++lists_) {
      const uint32_t* place = offsets_ + targets_[lists_];
      __builtin_prefetch(sources_ + place[0]);
      __builtin_prefetch(sources_ + place[1]);
    }
  }

 private:
  const uint32_t* offsets_;
  const NodeId *sources_, *targets_;
  int64_t n_, places_ = 0, lists_ = 0;  // those fetched so far
};

}  // namespace

NodeTypeId GraphSchema::find_node_type(std::string_view name) const {
  for (size_t i = 0; i < node_types.size(); ++i)
    if (node_types[i].name == name) return NodeTypeId(static_cast<int32_t>(i));
  fail(ErrorCode::kInternal, "the graph has no node type '{}'", name);
}

std::vector<NodeId> Graph::lookup(NodeTypeId type, std::string_view key_column, const Column& keys) const {
  const std::string& table = schema_.node_types[type.index()].name;
  std::vector<std::string> names;
  for (const KeyIndex& index : keys_[type.index()]) {
    names.push_back(index.column());
    if (index.column() != key_column) continue;
    if (!index.matches(keys.type))
      fail(ErrorCode::kSpec,
           "column '{}' has type {} and can't be looked up in key '{}' of table '{}', which has type {}: "
           "convert one "
           "of them in its source",
           keys.name, to_string(keys.type), key_column, table, to_string(index.type()));
    const KeyProbe probe(index, keys);
    std::vector<NodeId> nodes(static_cast<size_t>(keys.rows));
    for (int64_t row = 0; row < keys.rows; ++row) nodes[static_cast<size_t>(row)] = probe.at(row);
    return nodes;
  }
  fail(ErrorCode::kSpec, "table '{}': column '{}' is neither its primary key nor a candidate key{}", table,
       key_column, suggestion(key_column, names));
}

void Graph::node_times_us(NodeTypeId type, const std::vector<NodeId>& nodes,
                          std::vector<int64_t>& times_us) const {
  const Array<int64_t>& known = times_us_[type.index()];
  times_us.assign(nodes.size(), kAlwaysVisible);
  if (known.empty()) return;
  const int64_t* time = known.data();
  for_each_fetched(
      nodes.size(), [&](size_t i) { return time + nodes[i]; },
      [&](size_t i) { times_us[i] = time[nodes[i]]; });
}

int64_t Graph::latest_visible_us(std::optional<int64_t> seed_time_us, bool current_time) {
  if (!seed_time_us) return kNeverVisible - 1;
  return current_time || *seed_time_us == INT64_MIN ? std::min(*seed_time_us, kNeverVisible - 1)
                                                    : *seed_time_us - 1;
}

NodeId Graph::visible_end(NodeTypeId type, int64_t latest_us) const {
  const Array<int64_t>& times = times_us_[type.index()];
  const NodeId visible = visible_nodes_[type.index()];
  if (times.empty()) return visible;
  return static_cast<NodeId>(std::upper_bound(times.data(), times.data() + visible, latest_us) -
                             times.data());
}

void Graph::seed_limits(const int64_t* seed_time_us, int64_t seeds, bool current_time,
                        SeedLimits& out) const {
  out.seeds = seeds;
  out.time_us.resize(static_cast<size_t>(seeds));
  for (size_t s = 0; s < out.time_us.size(); ++s)
    out.time_us[s] = seed_time_us == nullptr ? latest_visible_us({}, current_time)
                                             : latest_visible_us(seed_time_us[s], current_time);
  out.end.resize(schema_.node_types.size() * out.time_us.size());
  for (size_t type = 0; type < times_us_.size(); ++type) {
    NodeId* end = out.end.data() + type * out.time_us.size();
    if (times_us_[type].empty() || seed_time_us == nullptr)
      std::fill_n(end, out.time_us.size(), visible_nodes_[type]);
    else
      count_up_to(times_us_[type].data(), visible_nodes_[type], out.time_us, end);
  }
}

std::vector<TimedEdge> Graph::timed_edges(EdgeTypeId type) const {
  const EdgeTypeInfo& info = schema_.edge_types[type.index()];
  const Adjacency& lists = adjacency_[type.index()];
  std::vector<TimedEdge> edges;
  edges.reserve(static_cast<size_t>(lists.edges));
  const auto nodes = static_cast<NodeId>(schema_.node_types[info.target.index()].nodes);
  for (NodeId target = 0; target < nodes; ++target) {
    const Prefix list = visible_prefix(lists, target, visible_nodes_[info.source.index()], kNeverVisible - 1);
    for (const NodeId* source = list.begin; source != list.end; ++source) {
      const int64_t listed_us = lists.times_us.empty() ? node_time_us(info.source, *source)
                                                       : lists.times_us[source - lists.sources.data()];
      const int64_t time_us = std::max(listed_us, node_time_us(info.target, target));
      if (time_us != kNeverVisible) edges.push_back({time_us, target});
    }
  }
  return edges;
}

ListShape Graph::list_shape(EdgeTypeId type) const {
  const Adjacency& lists = adjacency_[type.index()];
  return lists.offsets.empty() ? ListShape::kOneSource
         : lists.disjoint      ? ListShape::kDisjoint
                               : ListShape::kAny;
}

void Graph::sample_parents(const HopRequest& request, HopAnswer& answer) const {
  const NodeId* sources = adjacency_[request.edge_type.index()].sources.data();
  const size_t source_type = schema_.edge_types[request.edge_type.index()].source.index();
  const NodeId* end = request.limits->end.data() + source_type * static_cast<size_t>(request.limits->seeds);
  const size_t n = static_cast<size_t>(request.n);
  answer.offsets.resize(n + 1);
  answer.sources.resize(n);
  int64_t* offsets = answer.offsets.data();
  NodeId* taken = answer.sources.data();
  const NodeId* targets = request.targets;
  const int32_t* seed = request.seed;
  int64_t size = 0;
  for_each_fetched(
      n, [&](size_t i) { return sources + targets[i]; },
      [&](size_t i) {
        const NodeId source = sources[targets[i]];
        offsets[i] = size;
        taken[size] = source;
        size += source < end[seed[i]];
      });
  offsets[n] = size;
  answer.sources.resize(static_cast<size_t>(size));
}

void Graph::sample(const HopRequest& request, HopAnswer& answer) const {
  const Adjacency& lists = adjacency_[request.edge_type.index()];
  if (lists.offsets.empty() && request.fanout > 0) return sample_parents(request, answer);
  const size_t source_type = schema_.edge_types[request.edge_type.index()].source.index();
  const NodeId* end = request.limits->end.data() + source_type * static_cast<size_t>(request.limits->seeds);
  const int64_t* time_us = request.limits->time_us.data();
  answer.offsets.resize(static_cast<size_t>(request.n) + 1);
  answer.offsets[0] = 0;
  answer.sources.clear();
  ListFetcher fetcher(lists, request);
  for (int64_t i = 0; i < request.n; ++i) {
    fetcher.fetch_before(i);
    const int32_t seed = request.seed[i];
    const Prefix visible = visible_prefix(lists, request.targets[i], end[seed], time_us[seed]);
    if (visible.size() <= request.fanout) {
      answer.sources.insert(answer.sources.end(), visible.begin, visible.end);
    } else if (request.strategy == TemporalStrategy::kLast) {
      answer.sources.insert(answer.sources.end(), visible.end - request.fanout, visible.end);
    } else {
      const RngKey key = request.keys[seed].with(static_cast<uint64_t>(request.position[i]));
      append_subset(visible.begin, static_cast<uint64_t>(visible.size()),
                    static_cast<uint64_t>(request.fanout), key, answer.scratch, answer.sources);
    }
    answer.offsets[static_cast<size_t>(i) + 1] = static_cast<int64_t>(answer.sources.size());
  }
}

int64_t Graph::visible_degree(EdgeTypeId type, NodeId target, int64_t seed_time_us, bool current_time) const {
  SeedLimits limits;
  seed_limits(&seed_time_us, 1, current_time, limits);
  return visible_prefix(adjacency_[type.index()], target,
                        limits.end[schema_.edge_types[type.index()].source.index()], limits.time_us[0])
      .size();
}

}  // namespace rle
