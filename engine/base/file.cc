#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

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

DurableFile::DurableFile(std::filesystem::path path)
    : path_(std::move(path)), temporary_(path_.string() + fmt::format("{}{}", kTemporaryMark, ::getpid())) {
  descriptor_.reset(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (descriptor_.get() < 0) cannot_write(path_);
}

DurableFile::~DurableFile() {
  if (!renamed_) ::unlink(temporary_.c_str());
}

void DurableFile::write(const void* data, size_t bytes) {
  const auto* next = static_cast<const uint8_t*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_.get(), next, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) cannot_write(path_);
    next += written;
    bytes -= static_cast<size_t>(written);
  }
}

void DurableFile::commit() {
  if (::fsync(descriptor_.get()) != 0) cannot_write(path_);
  descriptor_.reset();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) cannot_write(path_);
  renamed_ = true;
  sync_folder(path_.parent_path());
}

}  // namespace rle
