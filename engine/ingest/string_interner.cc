#include "ingest/string_interner.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"

namespace rle::ingest {
namespace {

uint32_t hash_bytes(std::string_view text) {
  uint64_t h = text.size() * 0x9e3779b97f4a7c15ull;
  const char* p = text.data();
  size_t left = text.size();
  for (; left >= 8; p += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    h = mix64(h ^ word);
  }
  uint64_t tail = 0;
  if (left > 0) std::memcpy(&tail, p, left);
  return static_cast<uint32_t>(mix64(h ^ tail));
}

// The length of the well-formed sequence that begins at p (RFC 3629, table of section 4), or 0.
size_t sequence_length(const unsigned char* p, size_t left) {
  const auto tail = [&](size_t i) { return i < left && (p[i] & 0xc0) == 0x80; };
  const unsigned char a = p[0];
  if (a < 0x80) return 1;
  if (a >= 0xc2 && a <= 0xdf) return tail(1) ? 2 : 0;
  if (a >= 0xe0 && a <= 0xef) {
    if (!tail(1) || !tail(2)) return 0;
    if (a == 0xe0 && p[1] < 0xa0) return 0;
    if (a == 0xed && p[1] > 0x9f) return 0;
    return 3;
  }
  if (a >= 0xf0 && a <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (a == 0xf0 && p[1] < 0x90) return 0;
    if (a == 0xf4 && p[1] > 0x8f) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  for (size_t left = text.size(); left > 0;) {
    const size_t n = sequence_length(p, left);
    if (n == 0) return false;
    p += n;
    left -= n;
  }
  return true;
}

StringInterner::StringInterner() : slots_(64, -1) {}

std::string_view StringInterner::at(int32_t number) const {
  const size_t i = static_cast<size_t>(number);
  return std::string_view(bytes_).substr(static_cast<size_t>(ends_[i]),
                                         static_cast<size_t>(ends_[i + 1] - ends_[i]));
}

int32_t StringInterner::intern(std::string_view text) {
  const uint32_t hash = hash_bytes(text);
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  for (; slots_[slot] >= 0; slot = (slot + 1) & mask) {
    const int32_t number = slots_[slot];
    if (hashes_[static_cast<size_t>(number)] == hash && at(number) == text) return number;
  }
  RLE_CHECK(size() < INT32_MAX);
  const int32_t number = size();
  slots_[slot] = number;
  hashes_.push_back(hash);
  bytes_.append(text);
  ends_.push_back(static_cast<int64_t>(bytes_.size()));
  if (hashes_.size() * 2 > slots_.size()) grow();
  return number;
}

void StringInterner::grow() {
  slots_.assign(slots_.size() * 2, -1);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < hashes_.size(); ++i) {
    size_t slot = hashes_[i] & mask;
    while (slots_[slot] >= 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<int32_t>(i);
  }
}

std::shared_ptr<const StringPool> StringInterner::finish(std::vector<int32_t>& code_of) {
  std::vector<int32_t>().swap(slots_);
  std::vector<int32_t> order(static_cast<size_t>(size()));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return at(a) < at(b); });
  std::vector<std::string_view> sorted;
  sorted.reserve(order.size());
  code_of.resize(order.size());
  for (size_t code = 0; code < order.size(); ++code) {
    sorted.push_back(at(order[code]));
    code_of[static_cast<size_t>(order[code])] = static_cast<int32_t>(code);
  }
  auto pool = std::make_shared<const StringPool>(sorted);
  *this = StringInterner();
  return pool;
}

}  // namespace rle::ingest
