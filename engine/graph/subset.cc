#include "graph/subset.h"

#include <algorithm>
#include <bit>

namespace rle {
namespace {

// Above this many values a bitmap of them costs more than sorting the chosen.
constexpr uint64_t kBitmapValues = 1 << 16;

void append_sparse(const NodeId* values, uint64_t size, uint64_t count, RngStream& stream,
                   std::vector<uint64_t>& scratch, std::vector<NodeId>& out) {
  scratch.clear();
  while (scratch.size() < count) {
    for (uint64_t missing = count - scratch.size(); missing > 0; --missing)
      scratch.push_back(stream.below(size));
    std::sort(scratch.begin(), scratch.end());
    scratch.erase(std::unique(scratch.begin(), scratch.end()), scratch.end());
  }
  for (uint64_t place : scratch) out.push_back(values[place]);
}

}  // namespace

void append_subset(const NodeId* values, uint64_t size, uint64_t count, RngKey key,
                   std::vector<uint64_t>& scratch, std::vector<NodeId>& out) {
  RngStream stream(key);
  if (size > kBitmapValues && size / 512 > count)
    return append_sparse(values, size, count, stream, scratch, out);
  // Draw the smaller of the subset and its complement.
  const bool complement = count > size - count;
  const uint64_t words = (size + 63) / 64;
  scratch.assign(words, complement ? ~uint64_t{0} : 0);
  if (complement && size % 64 != 0) scratch.back() = ~uint64_t{0} >> (64 - size % 64);
  const uint64_t unset = complement ? 1 : 0;
  for (uint64_t j = size - (complement ? size - count : count); j < size; ++j) {
    uint64_t place = stream.below(j + 1);
    if ((scratch[place / 64] >> (place % 64) & 1) != unset) place = j;
    scratch[place / 64] ^= uint64_t{1} << (place % 64);
  }
  const size_t first = out.size();
  out.resize(first + count);
  NodeId* next = out.data() + first;
  for (uint64_t word = 0; word < words; ++word)
    for (uint64_t bits = scratch[word]; bits != 0; bits &= bits - 1)
      *next++ = values[word * 64 + static_cast<uint64_t>(std::countr_zero(bits))];
}

}  // namespace rle
