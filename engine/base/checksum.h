// A 64-bit checksum of bytes at the speed of memory: against accidents (a truncated file, a flipped bit, data
// that changed), not against malice.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace rle {

// Of all bytes in the order they came, however they were cut into updates. Every change of one 64-bit word
// changes the value. The same on every machine that is little-endian.
class Checksum {
 public:
  void update(const void* data, size_t bytes);

  // With their number, so that neighbours can't be cut otherwise.
  void add(std::string_view text);
  template <typename Values>  // a vector or Array of numbers
  requires std::is_arithmetic_v<typename Values::value_type> &&
      (!std::is_convertible_v<Values, std::string_view>)void add(const Values& values) {
    add(values.size());
    update(values.data(), values.size() * sizeof(typename Values::value_type));
  }
  template <typename T>
  requires std::is_arithmetic_v<T>
  void add(T value) { update(&value, sizeof value); }

  uint64_t value() const;
  std::string text() const;  // 16 hexadecimal digits

 private:
  static constexpr size_t kLanes = 8, kBlock = kLanes * sizeof(uint64_t);
  void mix(const uint8_t* block);

  std::array<uint64_t, kLanes> lanes_{1, 2, 3, 4, 5, 6, 7, 8};
  std::array<uint8_t, kBlock> rest_{};  // bytes of an unfinished block
  size_t rest_size_ = 0;
  uint64_t bytes_ = 0;
};

struct FileChecksum {
  uint64_t bytes = 0;
  std::string checksum;  // Checksum::text of the bytes
  bool operator==(const FileChecksum&) const = default;
};

// Error{kIo}: it cannot be read.
FileChecksum checksum_file(const std::filesystem::path& path);

}  // namespace rle
