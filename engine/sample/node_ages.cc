#include "sample/node_ages.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/time.h"

namespace rle {
namespace {

constexpr int64_t kNeverSeconds = INT64_MAX;
constexpr int64_t kMostSteps = 1 << 17, kMostPairs = 1 << 19;

// Division of multiples of `divisor` without remainder: by its power of two, then by the inverse of its odd
// part modulo 2^64, which Newton's iteration doubles the right bits of.
class ExactDivision {
 public:
  explicit ExactDivision(int64_t divisor) : shift_(std::countr_zero(static_cast<uint64_t>(divisor))) {
    const uint64_t odd = static_cast<uint64_t>(divisor) >> shift_;
    for (int i = 0; i < 6; ++i) inverse_ *= 2 - odd * inverse_;
  }
  int64_t operator()(int64_t multiple) const {
    return static_cast<int64_t>((static_cast<uint64_t>(multiple) >> shift_) * inverse_);
  }

 private:
  int shift_;
  uint64_t inverse_ = 1;
};

}  // namespace

void NodeAges::index(const Graph& graph, NodeTypeId type, const std::vector<int64_t>& seed_s,
                     NodeBlock& block) {
  row_s_.resize(block.distinct.size());
  for (size_t d = 0; d < row_s_.size(); ++d) {
    const int64_t time_us = graph.node_time_us(type, block.distinct[d]);
    row_s_[d] = time_us == kNeverVisible ? kNeverSeconds : floor_seconds(time_us);
  }
  block.delta.resize(block.row.size());
  block.delta_s.clear();
  if (row_s_.empty()) return;
  const bool timed = row_s_.back() != kNeverSeconds;  // distinct rows ascend in time, nulls come last
  if (timed && index_on_grid(graph.time_step_s(type), seed_s, block)) return;
  if (timed && index_pairs(seed_s, block)) return;
  index_any(seed_s, block);
}

void NodeAges::add_parts(NodeBlock& block) const {
  for (size_t i = 0; i < block.row.size(); ++i)
    block.delta[i] =
        seed_part_[static_cast<size_t>(block.seed[i])] + row_part_[static_cast<size_t>(block.row[i])];
}

// False where the ages span too many steps.
bool NodeAges::index_on_grid(int64_t step_s, const std::vector<int64_t>& seed_s, NodeBlock& block) {
  for (const int64_t s : seed_s)
    if (s != seed_s[0]) step_s = std::gcd(step_s, s - seed_s[0]);
  step_s = std::max<int64_t>(1, step_s);
  const auto [first_seed, last_seed] = std::minmax_element(seed_s.begin(), seed_s.end());
  // Ages are least_s + k * step_s, 0 <= k <= steps of both spans.
  const int64_t least_s = *first_seed - row_s_.back();
  const int64_t seed_span = *last_seed - *first_seed, row_span = row_s_.back() - row_s_.front();
  if (seed_span / step_s + row_span / step_s >= kMostSteps) return false;
  const ExactDivision steps(step_s);
  row_part_.resize(row_s_.size());
  for (size_t d = 0; d < row_s_.size(); ++d)
    row_part_[d] = static_cast<int32_t>(steps(row_s_.back() - row_s_[d]));
  seed_part_.resize(seed_s.size());
  for (size_t s = 0; s < seed_s.size(); ++s)
    seed_part_[s] = static_cast<int32_t>(steps(seed_s[s] - *first_seed));
  add_parts(block);
  sums_.index(steps(seed_span) + steps(row_span) + 1, block.delta, numbers_);
  for (const NodeId age : numbers_) block.delta_s.push_back(least_s + step_s * age);
  return true;
}

// False where there are too many pairs of times.
bool NodeAges::index_pairs(const std::vector<int64_t>& seed_s, NodeBlock& block) {
  row_times_s_.clear();
  row_part_.resize(row_s_.size());
  for (size_t d = 0; d < row_s_.size(); ++d) {
    if (row_times_s_.empty() || row_times_s_.back() != row_s_[d]) row_times_s_.push_back(row_s_[d]);
    row_part_[d] = static_cast<int32_t>(row_times_s_.size()) - 1;
  }
  seed_times_s_ = seed_s;
  std::sort(seed_times_s_.begin(), seed_times_s_.end());
  seed_times_s_.erase(std::unique(seed_times_s_.begin(), seed_times_s_.end()), seed_times_s_.end());
  const size_t row_times = row_times_s_.size(), pairs = row_times * seed_times_s_.size();
  if (pairs > kMostPairs) return false;
  seed_part_.resize(seed_s.size());
  for (size_t s = 0; s < seed_s.size(); ++s) {
    const auto found = std::lower_bound(seed_times_s_.begin(), seed_times_s_.end(), seed_s[s]);
    seed_part_[s] = static_cast<int32_t>((found - seed_times_s_.begin()) * static_cast<int64_t>(row_times));
  }
  add_parts(block);
  sums_.index(static_cast<int64_t>(pairs), block.delta, numbers_);
  values_.start(static_cast<int64_t>(numbers_.size()));
  age_of_pair_.resize(numbers_.size());
  for (size_t p = 0; p < numbers_.size(); ++p)
    age_of_pair_[p] =
        values_.add(seed_times_s_[numbers_[p] / row_times] - row_times_s_[numbers_[p] % row_times]);
  values_.finish(age_of_pair_, block.delta_s);
  for (int32_t& delta : block.delta) delta = age_of_pair_[static_cast<size_t>(delta)];
  return true;
}

void NodeAges::index_any(const std::vector<int64_t>& seed_s, NodeBlock& block) {
  values_.start(block.nodes());
  for (size_t i = 0; i < block.row.size(); ++i) {
    const int64_t row = row_s_[static_cast<size_t>(block.row[i])],
                  seed = seed_s[static_cast<size_t>(block.seed[i])];
    block.delta[i] = values_.add(row == kNeverSeconds ? 0 : seed - row);
  }
  values_.finish(block.delta, block.delta_s);
}

}  // namespace rle
