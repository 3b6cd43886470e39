#include "kernel/top_k.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

#include "base/error.h"
#include "kernel/top_k_simd.h"

namespace rle {
namespace {

int64_t run_find_above(const float* scores, int64_t n, float threshold, uint32_t* found) {
  RLE_DISPATCH(find_above(scores, n, threshold, found))
}

// A score and its item as one number: the better the score, and of equal scores the lower the item, the
// smaller.
using RankKey = uint64_t;

RankKey rank_key(float score, uint32_t item) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 is 0
  const uint32_t descending = (bits >> 31) != 0 ? bits : ~bits & 0x7fffffffu;
  return RankKey{descending} << 32 | item;
}
uint32_t item_of(RankKey key) { return static_cast<uint32_t>(key); }
float score_of(RankKey key) {
  const auto descending = static_cast<uint32_t>(key >> 32);
  return std::bit_cast<float>((descending >> 31) != 0 ? descending : ~descending & 0x7fffffffu);
}

std::span<const uint32_t> excluded_of(const TopKRequest& request, int64_t query) {
  if (request.excluded_offsets == nullptr) return {};
  return {request.excluded + request.excluded_offsets[query],
          request.excluded + request.excluded_offsets[query + 1]};
}

int64_t end_of(const TopKRequest& request, int64_t query, int64_t items) {
  return request.item_end != nullptr ? std::min<int64_t>(request.item_end[query], items) : items;
}

// The best k of a query while items go by in ascending order. What may be among them is collected and cut
// down to k each time the room for it is full; from the first time on the k-th best is known, and only what
// is above it is looked at.
class BestItems {
 public:
  BestItems(int64_t k, int64_t end, std::span<const uint32_t> excluded)
      : k_(static_cast<size_t>(k)), room_(k_ + std::max<size_t>(k_, 64)), end_(end), excluded_(excluded) {}

  // Scores of the items [first, first + n). `found` has room for n.
  void offer(const float* scores, int64_t n, int64_t first, uint32_t* found) {
    n = std::min(n, end_ - first);
    int64_t j = 0;
    for (; j < n && !bounded_; ++j)
      if (!std::isnan(scores[j])) add(scores[j], static_cast<uint32_t>(first + j));
    if (j >= n) return;
    const int64_t count = run_find_above(scores + j, n - j, threshold_, found);
    for (int64_t i = 0; i < count; ++i)
      if (const float score = scores[j + found[i]]; score > threshold_)
        add(score, static_cast<uint32_t>(first + j + found[i]));
  }

  // Best first, at most k.
  std::span<const RankKey> ranked() {
    if (kept_.size() > k_) keep_best();
    std::sort(kept_.begin(), kept_.end());
    return kept_;
  }

 private:
  void add(float score, uint32_t item) {
    if (std::binary_search(excluded_.begin(), excluded_.end(), item)) return;
    if (kept_.empty()) kept_.reserve(room_);
    kept_.push_back(rank_key(score, item));
    if (kept_.size() < room_) return;
    keep_best();
    threshold_ = score_of(kept_.back());
    bounded_ = true;
  }
  // The best k, the k-th of them last.
  void keep_best() {
    const auto kth = kept_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(kept_.begin(), kth, kept_.end());
    kept_.resize(k_);
  }

  size_t k_, room_;
  int64_t end_;
  std::span<const uint32_t> excluded_;
  std::vector<RankKey> kept_;
  bool bounded_ = false;
  float threshold_ = 0;
};

// Moves each query's results, which begin at multiples of k, to where the ones before end.
void close_up(int64_t k, TopK& out) {
  int64_t end = 0;
  for (size_t i = 0; i + 1 < out.offsets.size(); ++i) {
    const int64_t count = out.offsets[i + 1], begin = static_cast<int64_t>(i) * k;
    std::copy_n(out.item.begin() + begin, count, out.item.begin() + end);
    std::copy_n(out.score.begin() + begin, count, out.score.begin() + end);
    out.offsets[i + 1] = end += count;
  }
  out.item.resize(static_cast<size_t>(end));
  out.score.resize(static_cast<size_t>(end));
}

// Room for k results of each of n queries, none there yet.
TopK new_results(int64_t n, int64_t k) {
  TopK out;
  out.offsets.assign(static_cast<size_t>(n) + 1, 0);
  out.item.resize(static_cast<size_t>(n * k));
  out.score.resize(static_cast<size_t>(n * k));
  return out;
}

void write_results(std::span<const RankKey> ranked, int64_t query, int64_t k, TopK& out) {
  out.offsets[static_cast<size_t>(query) + 1] = static_cast<int64_t>(ranked.size());
  for (size_t r = 0; r < ranked.size(); ++r) {
    out.item[static_cast<size_t>(query * k) + r] = item_of(ranked[r]);
    out.score[static_cast<size_t>(query * k) + r] = score_of(ranked[r]);
  }
}

}  // namespace

TopKIndex::TopKIndex(ConstMatrix items) : items_(items.rows), width_(items.cols) {
  RLE_CHECK(items_ < UINT32_MAX);
  for (int64_t first = 0; first < items_; first += kTopKItems)
    blocks_.push_back(pack_transposed(items.slice(first, std::min(items_, first + kTopKItems)), arena_));
}

TopK TopKIndex::search(const TopKRequest& request, ThreadPool& pool) const {
  RLE_CHECK(request.k > 0 && (request.queries.rows == 0 || request.queries.cols == width_));
  const int64_t n = request.queries.rows, k = std::min(request.k, items_);
  TopK out = new_results(n, k);
  if (k == 0) return out;
  pool.for_chunks(n, kTopKQueries,
                  [&](int64_t begin, int64_t end) { search_block(request, begin, end, out); });
  close_up(k, out);
  return out;
}

void TopKIndex::search_block(const TopKRequest& request, int64_t begin, int64_t end, TopK& out) const {
  const int64_t k = std::min(request.k, items_);
  int64_t last = 0;  // no query of the block is given items from here on
  std::vector<BestItems> best;
  for (int64_t query = begin; query < end; ++query) {
    best.emplace_back(k, end_of(request, query, items_), excluded_of(request, query));
    last = std::max(last, end_of(request, query, items_));
  }
  Arena arena;
  uint32_t found[kTopKItems];
  const Matrix scores = new_matrix(arena, end - begin, kTopKItems);
  for (int64_t first = 0; first < last; first += kTopKItems) {
    const PackedMatrix& block = blocks_[static_cast<size_t>(first / kTopKItems)];
    gemm(request.queries.slice(begin, end), block, scores.columns(0, block.n), GemmMode::kOverwrite);
    for (int64_t i = 0; i < end - begin; ++i)
      best[static_cast<size_t>(i)].offer(scores.row(i), block.n, first, found);
  }
  for (int64_t i = 0; i < end - begin; ++i)
    write_results(best[static_cast<size_t>(i)].ranked(), begin + i, k, out);
}

TopK top_k_oracle(ConstMatrix items, const TopKRequest& request) {
  const int64_t n = request.queries.rows, k = std::min(request.k, items.rows);
  TopK out = new_results(n, k);
  for (int64_t query = 0; query < n; ++query) {
    const std::span<const uint32_t> excluded = excluded_of(request, query);
    std::vector<std::pair<float, uint32_t>> all;
    for (int64_t item = 0; item < end_of(request, query, items.rows); ++item) {
      double sum = 0;
      for (int64_t c = 0; c < items.cols; ++c)
        sum += double{request.queries.row(query)[c]} * double{items.row(item)[c]};
      const auto id = static_cast<uint32_t>(item);
      if (!std::isnan(sum) && std::find(excluded.begin(), excluded.end(), id) == excluded.end())
        all.emplace_back(static_cast<float>(sum), id);
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<RankKey> best;
    for (size_t r = 0; r < all.size() && r < static_cast<size_t>(k); ++r)
      best.push_back(rank_key(all[r].first, all[r].second));
    write_results(best, query, k, out);
  }
  close_up(k, out);
  return out;
}

}  // namespace rle
