// Open-addressing map from 64-bit keys to the order in which they were first seen. Entries carry the stamp of
// the fill that they belong to, so that starting anew costs nothing; no allocation once it has grown to a
// batch's size.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace rle {

// Owned by one workspace; not thread-safe.
class FirstSeen {
 public:
  void clear() {
    if (++stamp_ == 0) {
      slots_.assign(slots_.size(), Slot{});
      stamp_ = 1;
    }
    size_ = 0;
  }

  // Room for `more` further keys, so that `insert` needs no check.
  void reserve(int64_t more) {
    const uint64_t wanted = std::bit_ceil(static_cast<uint64_t>(size_ + more) * 2 + 16);
    if (wanted > slots_.size()) grow(wanted);
  }

  // The value stored for the key; where there is none, stores and returns `value`.
  int32_t insert(uint64_t key, int32_t value) {
    uint64_t place = slot_of(key);
    for (; slots_[place].key != key || slots_[place].stamp != stamp_; place = (place + 1) & mask_)
      if (slots_[place].stamp != stamp_) {
        slots_[place] = {key, value, stamp_};
        ++size_;
        return value;
      }
    return slots_[place].value;
  }

 private:
  struct Slot {
    uint64_t key = 0;
    int32_t value = 0;
    uint32_t stamp = 0;
  };

  uint64_t slot_of(uint64_t key) const { return (key ^ key >> 32) * 0x9e3779b97f4a7c15ull >> shift_; }
  void grow(uint64_t capacity) {
    std::vector<Slot> old(capacity);
    old.swap(slots_);
    mask_ = capacity - 1;
    shift_ = 64 - std::countr_zero(capacity);
    size_ = 0;
    for (const Slot& slot : old)
      if (slot.stamp == stamp_) insert(slot.key, slot.value);
  }

  std::vector<Slot> slots_;
  int64_t size_ = 0;
  uint64_t mask_ = 0;
  int shift_ = 63;
  uint32_t stamp_ = 1;
};

}  // namespace rle
