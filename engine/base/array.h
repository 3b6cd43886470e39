// A long array that lies either in memory of its own or in a mapped file. Reading does not tell the two
// apart; whoever wants to change one asks for the vector.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "base/mapped_file.h"

namespace rle {

// Owns its values, or a share of the mapping. Thread-safe to read.
template <typename T>
class Array {
 public:
  using value_type = T;
  using const_iterator = const T*;

  Array() = default;
  Array(std::vector<T> values) : own_(std::move(values)) {}
  Array(std::initializer_list<T> values) : own_(values) {}
  // size values in the file from `data` on, which is aligned for T.
  Array(std::shared_ptr<const MappedFile> file, const T* data, size_t size)
      : file_(std::move(file)), mapped_(data), mapped_size_(size) {}

  size_t size() const { return file_ ? mapped_size_ : own_.size(); }
  bool empty() const { return size() == 0; }
  const T* data() const { return file_ ? mapped_ : own_.data(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  const T& operator[](size_t i) const { return data()[i]; }
  const T& front() const { return *begin(); }
  const T& back() const { return end()[-1]; }

  // Copies what is mapped.
  std::vector<T>& edit() {
    if (file_) *this = Array(std::vector<T>(begin(), end()));
    return own_;
  }
  // Keeps the first `size` values, without a copy.
  void truncate(size_t size) {
    if (file_)
      mapped_size_ = std::min(mapped_size_, size);
    else if (size < own_.size())
      own_.resize(size);
  }

  friend bool operator==(const Array& a, const Array& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::vector<T> own_;
  std::shared_ptr<const MappedFile> file_;
  const T* mapped_ = nullptr;
  size_t mapped_size_ = 0;
};

}  // namespace rle
