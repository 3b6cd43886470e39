#include "base/checksum.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"

namespace rle {

// In each lane a word is taken in by steps that can be undone, so that two streams which differ in one word
// never meet again.
void Checksum::mix(const uint8_t* block) {
  uint64_t words[kLanes];
  std::memcpy(words, block, kBlock);
  for (size_t lane = 0; lane < kLanes; ++lane)
    lanes_[lane] = std::rotl((lanes_[lane] ^ words[lane]) * 0x9e3779b97f4a7c15ull, 29);
}

void Checksum::update(const void* data, size_t bytes) {
  const auto* next = static_cast<const uint8_t*>(data);
  bytes_ += bytes;
  if (rest_size_ > 0) {
    const size_t taken = std::min(bytes, kBlock - rest_size_);
    std::copy_n(next, taken, rest_.data() + rest_size_);
    next += taken;
    bytes -= taken;
    rest_size_ += taken;
    if (rest_size_ < kBlock) return;
    mix(rest_.data());
    rest_size_ = 0;
  }
  for (; bytes >= kBlock; bytes -= kBlock, next += kBlock) mix(next);
  std::copy_n(next, bytes, rest_.data());
  rest_size_ = bytes;
}

void Checksum::add(std::string_view text) {
  add(text.size());
  update(text.data(), text.size());
}

uint64_t Checksum::value() const {
  Checksum last = *this;
  std::fill(last.rest_.begin() + static_cast<std::ptrdiff_t>(rest_size_), last.rest_.end(), uint8_t{0});
  if (rest_size_ > 0) last.mix(last.rest_.data());
  uint64_t value = mix64(bytes_);
  for (uint64_t lane : last.lanes_) value = mix64(value * 0xd1342543de82ef95ull ^ lane);
  return value;
}

std::string Checksum::text() const { return fmt::format("{:016x}", value()); }

FileChecksum checksum_file(const std::filesystem::path& path) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) fail(ErrorCode::kIo, "cannot open '{}': {}", path.string(), std::strerror(errno));
  std::vector<uint8_t> buffer(size_t{1} << 20);
  Checksum checksum;
  FileChecksum out;
  while (true) {
    const ssize_t got = ::read(descriptor.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(ErrorCode::kIo, "cannot read '{}': {}", path.string(), std::strerror(errno));
    if (got == 0) break;
    checksum.update(buffer.data(), static_cast<size_t>(got));
    out.bytes += static_cast<uint64_t>(got);
  }
  out.checksum = checksum.text();
  return out;
}

}  // namespace rle
