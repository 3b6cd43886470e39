// Files at the level of the system: a descriptor that closes itself, and a file that is there whole or not at
// all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <utility>

namespace rle {

// Owns a file descriptor; negative: none.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return value_; }
  void reset(int value = -1) noexcept;

 private:
  int value_;
};

// Written beside its place, synced, and renamed to it by `commit`: whoever opens `path` finds the former file
// or the whole new one. Without commit nothing remains. One thread. All calls: Error{kIo} with the path.
class DurableFile {
 public:
  explicit DurableFile(std::filesystem::path path);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  void write(const void* data, size_t bytes);
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  Descriptor descriptor_;
  bool renamed_ = false;
};

// The name's part that marks what a DurableFile was writing when it was killed: "PATH.tmp-123".
inline constexpr const char* kTemporaryMark = ".tmp-";

}  // namespace rle
