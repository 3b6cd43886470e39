// A file's bytes as they lie in the system's page cache: nothing is copied, and memory that is short takes
// the pages back without writing them anywhere.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

namespace rle {

// Owns a read-only mapping, which stays whole when the file is renamed, replaced or deleted. Thread-safe.
class MappedFile {
 public:
  // nullptr where there is no such file. Error{kIo}: it can't be read.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  MappedFile(const std::byte* data, size_t size) : data_(data), size_(size) {}

  const std::byte* data_;
  size_t size_;
};

}  // namespace rle
