// Files at the level of the system: a descriptor that closes itself, and a file that is there whole or not at
// all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
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

// What is written goes by the system's cache of files, as what will be read soon should; or past it where the
// file system can, which costs the processor less and takes no memory from what is cached.
enum class FileCache { kUsed, kPassed };

// Written beside its place, synced, and renamed to it by `commit`: whoever opens `path` finds the former file
// or the whole new one. Without commit nothing remains. One thread. All calls: Error{kIo} with the path.
class DurableFile {
 public:
  explicit DurableFile(std::filesystem::path path, FileCache cache = FileCache::kUsed);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  void write(const void* data, size_t bytes);
  void commit();

 private:
  static constexpr size_t kBlock = size_t{1} << 22, kAlignment = 4096;
  struct Free {
    void operator()(uint8_t* block) const noexcept { std::free(block); }
  };

  void write_out(const uint8_t* data, size_t bytes);
  bool pass_cache(bool on) noexcept;

  std::filesystem::path path_, temporary_;
  Descriptor descriptor_;
  std::unique_ptr<uint8_t[], Free> block_;  // what passes the cache is written from here; else none
  size_t in_block_ = 0;
  bool passing_ = false;
  bool renamed_ = false;
};

// The name's part that marks what a DurableFile was writing when it was killed: "PATH.tmp-123".
inline constexpr const char* kTemporaryMark = ".tmp-";

}  // namespace rle
