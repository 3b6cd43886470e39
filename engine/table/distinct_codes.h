// Numbers the distinct codes of a list in the order of their first occurrence, in O(list) time and memory
// however many codes there could be: an open-addressing table whose entries carry the stamp of the list that
// they belong to. Where there can be no more codes than entries, each code has its own.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace rle {

// Scratch of one gather; keeps its memory. Not shared between threads.
class DistinctCodes {
 public:
  // Starts a list of at most `codes` codes, each in [0, range).
  void begin(int64_t codes, int64_t range) {
    const size_t hashed = std::bit_ceil(static_cast<size_t>(2 * codes + 2));
    const bool own = static_cast<size_t>(range) <= hashed;
    const size_t size = own ? std::bit_ceil(static_cast<size_t>(range) + 1) : hashed;
    if (slots_.size() < size || ++stamp_ == 0) {
      slots_.assign(slots_.size() < size ? size : slots_.size(), Slot{0, 0, 0});
      stamp_ = 1;
    }
    mask_ = size - 1;
    factor_ = own ? 1 : 0x9e3779b97f4a7c15ull;
    shift_ = own ? 0 : 64 - std::countr_zero(size);
  }

  // The number of `code`; a new one is appended to `distinct`, which begins the list empty.
  int32_t insert(int32_t code, std::vector<int32_t>& distinct) {
    size_t at = static_cast<size_t>((static_cast<uint64_t>(static_cast<uint32_t>(code)) * factor_) >> shift_);
    while (slots_[at].stamp == stamp_ && slots_[at].code != code) at = (at + 1) & mask_;
    if (slots_[at].stamp != stamp_) {
      slots_[at] = {stamp_, code, static_cast<int32_t>(distinct.size())};
      distinct.push_back(code);
    }
    return slots_[at].number;
  }

 private:
  struct Slot {
    uint32_t stamp;
    int32_t code;
    int32_t number;
  };
  std::vector<Slot> slots_;
  size_t mask_ = 0;
  uint64_t factor_ = 1;
  int shift_ = 63;
  uint32_t stamp_ = 0;
};

}  // namespace rle
