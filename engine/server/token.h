// The bearer token of a host: made once from the system's random numbers, kept in a file of mode 0600.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>

namespace rle {

// Thread-safe. A file that is replaced while the host runs counts within a second.
class Token {
 public:
  // Reads the token in `file`, or makes both. Error{kIo}.
  explicit Token(std::filesystem::path file);

  // Takes as long for a token that is nearly right as for any other.
  bool matches(std::string_view presented);

  // The token in a file, without white space. Error{kIo}: none is there, or one of fewer than 16 characters.
  static std::string read(const std::filesystem::path& file);
  // Puts another one into the file, and returns it.
  static std::string rotate(const std::filesystem::path& file);

 private:
  using Hash = std::array<unsigned char, 32>;
  void load();
  void look_again();

  const std::filesystem::path file_;
  std::mutex mutex_;
  Hash hash_{};
  uint64_t inode_ = 0;
  int64_t changed_ns_ = 0, looked_ns_ = 0;
};

}  // namespace rle
