// The safetensors file format: u64 little-endian header length, a JSON header, raw little-endian data.
// Written atomically (temporary file in the same folder, fsync, rename).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/file.h"

namespace rle {

enum class TensorDtype { kF32, kI64, kI32, kU8 };

struct NamedTensor {
  std::string name;
  TensorDtype dtype = TensorDtype::kF32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
};

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  std::vector<NamedTensor> tensors;

  const NamedTensor* find(const std::string& name) const;  // nullptr where absent
};

// A tensor to be written from where it lies.
struct TensorView {
  std::string name;
  TensorDtype dtype = TensorDtype::kF32;
  std::vector<int64_t> shape;
  const void* data = nullptr;  // borrowed
  size_t bytes = 0;
};

// Error{kIo}: cannot write (disk full, permission), the former file stays. Tensors are laid out by falling
// element size, then by name, so that each is aligned. Error{kInternal}: a shape that disagrees with its
// bytes, a name twice. Returns the file's checksum.
FileChecksum write_safetensors(const std::filesystem::path& path,
                               const std::map<std::string, std::string>& metadata,
                               std::vector<TensorView> tensors, FileCache cache = FileCache::kUsed);
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

// Error{kIo}: unreadable; truncated; a header that lies about sizes, offsets or dtypes. Never reads outside
// the file.
SafetensorsFile read_safetensors(const std::filesystem::path& path);
// The same of a file's bytes; `path` stands for the file in messages.
SafetensorsFile parse_safetensors(std::span<const uint8_t> bytes, const std::filesystem::path& path);

}  // namespace rle
