#include "sample/distinct.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/huge_pages.h"
#include "base/prefetch.h"

namespace rle {

namespace {

// Set bits, in plain arithmetic: without a flag for newer processors std::popcount is a call.
uint32_t count_ones(uint64_t word) {
  word -= word >> 1 & 0x5555555555555555ull;
  word = (word & 0x3333333333333333ull) + (word >> 2 & 0x3333333333333333ull);
  word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0full;
  return static_cast<uint32_t>(word * 0x0101010101010101ull >> 56);
}

}  // namespace

void DistinctInRange::index(int64_t range, std::vector<int32_t>& numbers, std::vector<NodeId>& distinct) {
  const size_t words = (static_cast<size_t>(range) + 7) / 8;
  if (marks_.size() < words) {
    marks_.resize(words);
    rank_.resize(words * 8);
    found_.resize(words * 8);
  }
  auto* marks = reinterpret_cast<uint8_t*>(marks_.data());
  for (const int32_t number : numbers) marks[number] = 1;
  uint32_t size = 0;
  for (size_t w = 0; w < words; ++w) {
    uint64_t left = marks_[w];
    if (left == 0) continue;
    marks_[w] = 0;
    for (size_t number = w * 8; number < w * 8 + 8; ++number, left >>= 8) {
      rank_[number] = static_cast<int32_t>(size);
      found_[size] = static_cast<NodeId>(number);
      size += left & 1;
    }
  }
  distinct.assign(found_.begin(), found_.begin() + size);
  for (int32_t& number : numbers) number = rank_[static_cast<size_t>(number)];
}

void DistinctRows::index(int64_t table_rows, std::vector<int32_t>& rows, std::vector<NodeId>& distinct) {
  if (table_rows <= DistinctInRange::kMostRange)
    small_.index(table_rows, rows, distinct);
  else
    index_large(table_rows, rows, distinct);
}

void DistinctRows::index_large(int64_t table_rows, std::vector<int32_t>& rows,
                               std::vector<NodeId>& distinct) {
  const size_t words = (static_cast<size_t>(table_rows) + 63) / 64;
  if (words_.size() < words) {
    words_.resize(words);
    touched_.resize((words + 63) / 64);
    use_huge_pages(words_);
  }
  for_each_fetched(
      rows.size(), [&](size_t i) { return &words_[static_cast<NodeId>(rows[i]) / 64]; },
      [&](size_t i) {
        const NodeId row = static_cast<NodeId>(rows[i]), word = row / 64;
        words_[word].bits |= uint64_t{1} << (row % 64);
        touched_[word / 64] |= uint64_t{1} << (word % 64);
      });
  distinct.resize(rows.size());
  NodeId* next = distinct.data();
  for (size_t t = 0; t < touched_.size(); ++t)
    for (uint64_t left = touched_[t]; left != 0; left &= left - 1) {
      const size_t word = t * 64 + static_cast<size_t>(std::countr_zero(left));
      words_[word].rank = static_cast<uint32_t>(next - distinct.data());
      for (uint64_t bits = words_[word].bits; bits != 0; bits &= bits - 1)
        *next++ = static_cast<NodeId>(word * 64 + static_cast<size_t>(std::countr_zero(bits)));
    }
  distinct.resize(static_cast<size_t>(next - distinct.data()));
  for_each_fetched(
      rows.size(), [&](size_t i) { return &words_[static_cast<NodeId>(rows[i]) / 64]; },
      [&](size_t i) {
        const auto row = static_cast<NodeId>(rows[i]);
        const Word& word = words_[row / 64];
        const uint64_t below = (uint64_t{1} << (row % 64)) - 1;
        rows[i] = static_cast<int32_t>(word.rank + count_ones(word.bits & below));
      });
  for (NodeId node : distinct) words_[node / 64].bits = touched_[node / 4096] = 0;
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
