#include "sample/distinct.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace rle {

void DistinctRows::index(int64_t table_rows, std::vector<int32_t>& rows, std::vector<NodeId>& distinct) {
  const size_t words = (static_cast<size_t>(table_rows) + 63) / 64;
  if (words_.size() < words) {
    words_.resize(words);
    rank_.resize(words);
    touched_.resize((words + 63) / 64);
  }
  for (int32_t row : rows) {
    const uint32_t word = static_cast<NodeId>(row) / 64;
    words_[word] |= uint64_t{1} << (static_cast<NodeId>(row) % 64);
    touched_[word / 64] |= uint64_t{1} << (word % 64);
  }
  distinct.clear();
  for (size_t t = 0; t < touched_.size(); ++t)
    for (uint64_t left = touched_[t]; left != 0; left &= left - 1) {
      const size_t word = t * 64 + static_cast<size_t>(std::countr_zero(left));
      rank_[word] = static_cast<uint32_t>(distinct.size());
      for (uint64_t bits = words_[word]; bits != 0; bits &= bits - 1)
        distinct.push_back(static_cast<NodeId>(word * 64 + static_cast<size_t>(std::countr_zero(bits))));
    }
  for (int32_t& row : rows) {
    const uint32_t word = static_cast<NodeId>(row) / 64;
    const uint64_t below = (uint64_t{1} << (static_cast<NodeId>(row) % 64)) - 1;
    row = static_cast<int32_t>(rank_[word] + static_cast<uint32_t>(std::popcount(words_[word] & below)));
  }
  for (NodeId node : distinct) words_[node / 64] = touched_[node / 4096] = 0;
}

void DistinctValues::start(int64_t most) {
  found_.clear();
  found_.reserve(most);
  values_.clear();
}

void DistinctValues::finish(std::vector<int32_t>& index, std::vector<int64_t>& sorted) {
  constexpr int kBits = 11;
  ranked_.clear();
  sorted.clear();
  if (values_.empty()) return;
  const auto [least, greatest] = std::minmax_element(values_.begin(), values_.end());
  const uint64_t range = static_cast<uint64_t>(*greatest) - static_cast<uint64_t>(*least);
  for (size_t i = 0; i < values_.size(); ++i)
    ranked_.push_back(
        {static_cast<uint64_t>(values_[i]) - static_cast<uint64_t>(*least), static_cast<int32_t>(i)});
  other_.resize(ranked_.size());
  for (int shift = 0; shift < 64 && (range >> shift) != 0; shift += kBits) {
    std::array<uint32_t, 1 << kBits> begin{};
    const auto digit = [shift](const Ranked& r) { return r.value >> shift & ((1 << kBits) - 1); };
    for (const Ranked& r : ranked_) ++begin[digit(r)];
    uint32_t sum = 0;
    for (uint32_t& b : begin) sum += std::exchange(b, sum);
    for (const Ranked& r : ranked_) other_[begin[digit(r)]++] = r;
    ranked_.swap(other_);
  }
  rank_.resize(ranked_.size());
  for (size_t i = 0; i < ranked_.size(); ++i) {
    rank_[static_cast<size_t>(ranked_[i].place)] = static_cast<int32_t>(i);
    sorted.push_back(values_[static_cast<size_t>(ranked_[i].place)]);
  }
  for (int32_t& i : index) i = rank_[static_cast<size_t>(i)];
}

}  // namespace rle
