// Counter-based randomness: a number is a pure function of a key and a position, so that the result of a job
// depends on neither threads nor order. Keys are derived by mixing in what identifies a draw (seed, purpose,
// epoch, seed row, hop, edge type, position). The mixer is the finaliser of SplitMix64 (Steele, Lea, Flood
// 2014).
#pragma once

#include <cstdint>
#include <string_view>

namespace rle {

constexpr uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// FNV-1a; for keys derived from names (purposes, parameters).
constexpr uint64_t hash_name(std::string_view name) {
  uint64_t h = 0xcbf29ce484222325ull;
  for (char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return h;
}

// An immutable key; `with` derives another. Value type, thread-safe.
class RngKey {
 public:
  constexpr explicit RngKey(uint64_t seed) : value_(mix64(seed)) {}

  constexpr RngKey with(uint64_t part) const {
    return RngKey(value_ ^ mix64(part + 0x632be59bd9b4e019ull), 0);
  }
  constexpr RngKey with(std::string_view purpose) const { return with(hash_name(purpose)); }

  // The draw at `position`: 64 uniform bits.
  constexpr uint64_t bits(uint64_t position) const {
    return mix64(value_ + position * 0xd1342543de82ef95ull);
  }
  constexpr uint64_t value() const { return value_; }

 private:
  constexpr RngKey(uint64_t mixed, int) : value_(mix64(mixed)) {}
  uint64_t value_;
};

// Draws from a key in sequence. Cheap to make; not shared between threads.
class RngStream {
 public:
  explicit RngStream(RngKey key) : key_(key) {}

  uint64_t next() { return key_.bits(position_++); }
  // Uniform integer in [0, n), n > 0 (multiply-shift with rejection: exact).
  uint64_t below(uint64_t n);
  // Uniform in [0, 1) with 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // Standard normal (Box-Muller; two draws each).
  double normal();

 private:
  RngKey key_;
  uint64_t position_ = 0;
};

// A stateless pseudo-random permutation of 0..size-1: the order of an epoch. O(1) memory; `at(i)` in expected
// O(1). A four-round Feistel network over the next even number of bits, walked until it falls inside the
// range.
class Permutation {
 public:
  Permutation(uint64_t size, RngKey key);
  uint64_t at(uint64_t i) const;

 private:
  uint64_t size_;
  int half_bits_;
  RngKey key_;
};

}  // namespace rle
