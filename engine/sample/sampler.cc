#include "sample/sampler.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "sample/both_ways.h"
#include "sample/collate.h"
#include "sample/seed_trees.h"

namespace rle {
namespace {

constexpr int64_t kSeedsPerGroup = 8;

// Things lent out one at a time, made when all are lent.
template <typename T>
class Pool {
 public:
  std::unique_ptr<T> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<T>();
    std::unique_ptr<T> taken = std::move(idle_.back());
    idle_.pop_back();
    return taken;
  }
  void give_back(std::unique_ptr<T> taken) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(taken));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
};

std::vector<NodeTypeId> seed_types(const Seeds& seeds) {
  std::vector<NodeTypeId> types{seeds.entity_type};
  if (seeds.targets > 0) types.push_back(seeds.target_type);
  return types;
}

}  // namespace

struct Sampler::Workspace {
  std::vector<SeedTrees> groups;
  Collator collator;
  BothWays both_ways;
};

struct Sampler::Store {
  Pool<Workspace> workspaces;
  Pool<TreeGrower> growers;
};

Sampler::Sampler(const Graph& graph, SamplerConfig config)
    : graph_(graph), config_(std::move(config)), store_(std::make_unique<Store>()) {
  if (config_.fanouts.empty()) fail(ErrorCode::kSpec, "fanouts: expected one number a hop, found none");
  for (int64_t fanout : config_.fanouts)
    if (fanout < 0)
      fail(ErrorCode::kSpec, "fanouts: expected numbers of neighbours, 0 or more, found {}", fanout);
  const GraphSchema& schema = graph.schema();
  for (const EdgeTypeInfo& edge : schema.edge_types)
    edge_type_keys_.push_back(hash_name(schema.node_types[edge.source.index()].name + '\n' + edge.name +
                                        '\n' + schema.node_types[edge.target.index()].name));
}

Sampler::~Sampler() = default;

void Sampler::sample(const Seeds& seeds, RngKey key, ThreadPool& pool, Batch& out) const {
  const size_t count = seeds.keys.size();
  RLE_CHECK(seeds.nodes.size() == count && (seeds.time_us.empty() || seeds.time_us.size() == count));
  RLE_CHECK(seeds.targets >= 0 && seeds.targets <= seeds.size());
  const std::vector<NodeTypeInfo>& types = graph_.schema().node_types;
  for (int64_t seed = 0; seed < seeds.size(); ++seed) {
    RLE_CHECK(seeds.type_of(seed).index() < types.size());
    RLE_CHECK(seeds.nodes[static_cast<size_t>(seed)] < types[seeds.type_of(seed).index()].nodes);
  }

  std::unique_ptr<Workspace> workspace = store_->workspaces.take();
  const int64_t n = static_cast<int64_t>(count);
  const std::vector<HopPlan> plans = plan_hops(graph_, seed_types(seeds), config_);
  const GrowthRule rule{graph_, config_, plans, edge_type_keys_};
  workspace->groups.resize(std::max<size_t>(1, (count + kSeedsPerGroup - 1) / kSeedsPerGroup));
  const auto grow = [&](int64_t begin, int64_t end) {
    std::unique_ptr<TreeGrower> grower = store_->growers.take();
    grower->grow(rule, seeds, key, begin, end - begin,
                 workspace->groups[static_cast<size_t>(begin / kSeedsPerGroup)]);
    store_->growers.give_back(std::move(grower));
  };
  if (n == 0) grow(0, 0);
  pool.for_chunks(n, kSeedsPerGroup, grow);
  workspace->collator.collate(graph_, seeds, workspace->groups, pool, out);
  out.bidirectional = config_.bidirectional;
  if (out.bidirectional) workspace->both_ways.add(graph_, pool, out);
  out.seeds = n;
  store_->workspaces.give_back(std::move(workspace));
}

}  // namespace rle
