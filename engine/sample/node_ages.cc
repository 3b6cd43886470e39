#include "sample/node_ages.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/time.h"

namespace rle {
namespace {

constexpr int64_t kNeverSeconds = INT64_MAX;
constexpr int64_t kFewSteps = 1 << 16, kMostSteps = 1 << 24;

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

// The largest step, a multiple of `known_s` (0: unknown), that divides `step_s` and all differences of
// `times_s`.
int64_t common_step_s(const std::vector<int64_t>& times_s, int64_t step_s, int64_t known_s) {
  for (size_t i = 1; i < times_s.size() && (step_s == 0 || step_s != known_s); ++i)
    if (const int64_t apart_s = times_s[i] - times_s[i - 1];
        apart_s != 0 && (step_s == 0 || apart_s % step_s != 0))
      step_s = std::gcd(step_s, apart_s);
  return step_s;
}

}  // namespace

void NodeAges::index(const Graph& graph, NodeTypeId type, const std::vector<int64_t>& seed_s,
                     NodeBlock& block) {
  graph.node_times_us(type, block.distinct, row_s_);
  for (int64_t& time : row_s_) time = time == kNeverVisible ? kNeverSeconds : floor_seconds(time);
  block.delta.resize(block.row.size());
  block.delta_s.clear();
  if (row_s_.empty()) return;
  const bool timed = row_s_.back() != kNeverSeconds;  // distinct rows ascend in time, nulls come last
  if (!timed || !index_on_grid(graph.time_step_s(type), seed_s, block)) index_any(seed_s, block);
}

// False where the ages span too many steps.
bool NodeAges::index_on_grid(int64_t step_s, const std::vector<int64_t>& seed_s, NodeBlock& block) {
  const auto [first_seed, last_seed] = std::minmax_element(seed_s.begin(), seed_s.end());
  // Ages are least_s + k * step_s, 0 <= k <= steps of both spans.
  const int64_t least_s = *first_seed - row_s_.back();
  const int64_t seed_span = *last_seed - *first_seed, row_span = row_s_.back() - row_s_.front();
  // A batch's own rows may lie on a coarser grid than the table's.
  if (row_span / std::max<int64_t>(1, step_s) >= kFewSteps) step_s = common_step_s(row_s_, 0, step_s);
  step_s = std::max<int64_t>(1, common_step_s(seed_s, step_s, 1));
  if (seed_span / step_s + row_span / step_s >= kMostSteps) return false;
  const ExactDivision steps(step_s);
  row_part_.resize(row_s_.size());
  for (size_t d = 0; d < row_s_.size(); ++d)
    row_part_[d] = static_cast<int32_t>(steps(row_s_.back() - row_s_[d]));
  seed_part_.resize(seed_s.size());
  for (size_t s = 0; s < seed_s.size(); ++s)
    seed_part_[s] = static_cast<int32_t>(steps(seed_s[s] - *first_seed));
  for (size_t i = 0; i < block.row.size(); ++i)
    block.delta[i] =
        seed_part_[static_cast<size_t>(block.seed[i])] + row_part_[static_cast<size_t>(block.row[i])];
  sums_.index(steps(seed_span) + steps(row_span) + 1, block.delta, numbers_);
  for (const NodeId age : numbers_) block.delta_s.push_back(least_s + step_s * age);
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
