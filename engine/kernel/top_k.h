// Exact search for the largest dot products: of each query's scores with all items the best k. Scores are
// made in blocks that stay in L2 (kernel/gemm.h) and looked through at once for those above the query's k-th
// best so far; the matrix of all scores never exists.
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "kernel/gemm.h"
#include "tensor/matrix.h"

namespace rle {

struct TopKRequest {
  ConstMatrix queries;  // (n, d)
  int64_t k = 12;       // at least 1
  // Items that query i is never given: excluded[excluded_offsets[i] .. excluded_offsets[i + 1]), ascending;
  // nullptr: none.
  const int64_t* excluded_offsets = nullptr;  // (n + 1)
  const uint32_t* excluded = nullptr;
  const uint32_t* item_end = nullptr;  // (n) query i is given items below it only; nullptr: all
};

// Best first; of equal scores the lower item first. Query i has fewer than k where fewer items are left to
// it.
struct TopK {
  std::vector<int64_t> offsets;  // (n + 1)
  std::vector<uint32_t> item;    // (results)
  std::vector<float> score;      // (results)
};

// Owns a packed copy of the items, which needn't live on. Immutable; `search` may be called from one thread
// at a time for each pool.
class TopKIndex {
 public:
  explicit TopKIndex(ConstMatrix items);  // (m, d), m < 2^32

  // A score is summed in fp32 over d in order; one that is NaN is never returned, infinite ones are ranked as
  // numbers. A query's result depends on itself, the items and the instruction set: neither on the other
  // queries nor on threads. Memory: the result, k pairs a query, and 1 MiB a thread.
  TopK search(const TopKRequest& request, ThreadPool& pool) const;

  int64_t items() const { return items_; }

 private:
  void search_block(const TopKRequest& request, int64_t begin, int64_t end, TopK& out) const;

  int64_t items_, width_;
  Arena arena_;
  std::vector<PackedMatrix> blocks_;  // kTopKItems items each, the last one fewer
};

// Queries that share a block of scores, and its items: 512 KiB.
inline constexpr int64_t kTopKQueries = 256, kTopKItems = 512;

// The plain loops, for tests: sorts all scores of a query, which are summed in double.
TopK top_k_oracle(ConstMatrix items, const TopKRequest& request);

}  // namespace rle
