#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/error.h"

namespace rle {
namespace {

[[noreturn]] void cannot_write(const std::filesystem::path& path) {
  fail(ErrorCode::kIo, "cannot write '{}': {}", path.string(), std::strerror(errno));
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor descriptor(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0 || (::fsync(descriptor.get()) != 0 && errno != EINVAL))
    fail(ErrorCode::kIo, "cannot write the folder '{}' to disk: {}", folder.string(), std::strerror(errno));
}

}  // namespace

void Descriptor::reset(int value) noexcept {
  if (value_ >= 0) ::close(value_);
  value_ = value;
}

DurableFile::DurableFile(std::filesystem::path path, FileCache cache)
    : path_(std::move(path)), temporary_(path_.string() + fmt::format("{}{}", kTemporaryMark, ::getpid())) {
  descriptor_.reset(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (descriptor_.get() < 0) cannot_write(path_);
  if (cache == FileCache::kPassed)
    block_.reset(static_cast<uint8_t*>(std::aligned_alloc(kAlignment, kBlock)));
}

DurableFile::~DurableFile() {
  if (!renamed_) ::unlink(temporary_.c_str());
}

void DurableFile::write(const void* data, size_t bytes) {
  const auto* next = static_cast<const uint8_t*>(data);
  if (!block_) return write_out(next, bytes);
  while (bytes > 0) {
    const size_t taken = std::min(bytes, kBlock - in_block_);
    std::memcpy(block_.get() + in_block_, next, taken);
    next += taken;
    bytes -= taken;
    in_block_ += taken;
    if (in_block_ < kBlock) return;
    if (!passing_) passing_ = pass_cache(true);
    write_out(block_.get(), kBlock);
    in_block_ = 0;
  }
}

void DurableFile::write_out(const uint8_t* next, size_t bytes) {
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_.get(), next, bytes);
    if (written < 0 && errno == EINTR) continue;
    // A file system that takes other blocks than ours, or the rest of one.
    if (written < 0 && errno == EINVAL && passing_ && pass_cache(false)) {
      passing_ = false;
      continue;
    }
    if (written < 0) cannot_write(path_);
    next += written;
    bytes -= static_cast<size_t>(written);
  }
}

bool DurableFile::pass_cache(bool on) noexcept {
  const int flags = ::fcntl(descriptor_.get(), F_GETFL);
  return flags >= 0 && ::fcntl(descriptor_.get(), F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

void DurableFile::commit() {
  if (passing_) passing_ = !pass_cache(false);
  write_out(block_.get(), std::exchange(in_block_, 0));
  if (::fsync(descriptor_.get()) != 0) cannot_write(path_);
  descriptor_.reset();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) cannot_write(path_);
  renamed_ = true;
  sync_folder(path_.parent_path());
}

}  // namespace rle
