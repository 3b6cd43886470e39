// One value on disk, its long arrays as they lie in memory: little-endian, each at a multiple of 64 bytes, so
// that reading maps the file and copies nothing. Two files: NAME.data holds the arrays and, behind them, all
// other members with each array's place and checksum; NAME.manifest says that NAME.data is whole, and is
// written last.
#pragma once

#include <bit>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/mapped_file.h"
#include "base/members.h"

namespace rle {

static_assert(std::endian::native == std::endian::little,
              "snapshots are little-endian, and mapped as they are");

// Of the files' form and of how every kept class visits its members: to be raised with any change of either.
inline constexpr uint32_t kSnapshotFormat = 2;

// Lives for one file. One thread. Error{kIo}: the disk takes no more, no permission.
class SnapshotWriter {
 public:
  static constexpr bool kReads = false;

  explicit SnapshotWriter(const std::filesystem::path& name);

  void add(const auto& value) { visit_members(*this, value); }
  // what: one line for whoever looks into the manifest.
  void commit(std::string_view what);

  // Called by visit_members.
  void number(const auto& value) { fields_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void size(const auto& container) { number(static_cast<uint64_t>(container.size())); }
  bool present(const auto& value) {
    const bool there = static_cast<bool>(value);
    number(there);
    return there;
  }
  template <typename T>
  void array(const Array<T>& values) {
    size(values);
    if (!values.empty()) add_block(values.data(), values.size() * sizeof(T));
  }

 private:
  void add_block(const void* data, size_t bytes);
  void write(const void* data, size_t bytes);

  std::filesystem::path name_;
  DurableFile data_;
  uint64_t offset_ = 0;
  std::string fields_;
};

// Reads the members in the order they were written. One thread; the arrays it fills keep the mapping alive.
class SnapshotReader {
 public:
  static constexpr bool kReads = true;

  explicit SnapshotReader(std::filesystem::path name) : name_(std::move(name)) {}

  // false: there is none. Error{kIo}: truncated, changed, unreadable.
  bool open();
  // Error{kIo}: as above.
  void read(auto& value) { visit_members(*this, value); }
  // After the last value. Error{kIo}: more was written than has been read.
  void finish() const {
    if (next_ != fields_size_) damaged("it holds more members");
  }

  // Called by visit_members.
  void number(auto& value) { take(&value, sizeof value); }
  void size(auto& container) {
    uint64_t count = 0;
    number(count);
    if (count > fields_size_ - next_) damaged("its members do not fit");  // each has a byte at least
    container.resize(count);
  }
  template <typename T>
  bool present(std::optional<T>& value) {
    if (take_flag()) value.emplace();
    return value.has_value();
  }
  template <typename T>
  bool present(std::shared_ptr<const T>& value) {
    if (take_flag()) value = std::make_shared<T>();
    return value != nullptr;
  }
  template <typename T>
  void array(Array<T>& values) {
    uint64_t count = 0;
    number(count);
    if (count == 0) return;
    if (count > data_->size() / sizeof(T)) damaged("an array is longer than the file");
    values = Array<T>(data_, reinterpret_cast<const T*>(take_block(count * sizeof(T))), count);
  }

 private:
  void read_manifest(std::string_view text);
  void take(void* to, size_t bytes);
  bool take_flag();
  const std::byte* take_block(uint64_t bytes);
  // What lies there, if its checksum is this.
  const std::byte* block(uint64_t offset, uint64_t bytes, uint64_t checksum) const;
  [[noreturn]] void damaged(std::string_view what) const;

  std::filesystem::path name_;
  std::shared_ptr<const MappedFile> data_;
  const std::byte* fields_ = nullptr;
  size_t fields_size_ = 0, next_ = 0;
};

}  // namespace rle
