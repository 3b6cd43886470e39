#include "ingest/output_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace rle::ingest {
namespace fs = std::filesystem;
namespace {

constexpr int kNameAttempts = 100;

[[noreturn]] void fail_io(const fs::path& target, const char* what, int error) {
  fail(ErrorCode::kIo, "output '{}' {}: {}", target.string(), what, std::strerror(error));
}

void sync_path(const fs::path& path, int flags, const fs::path& target) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) fail_io(target, "cannot be opened to flush it", errno);
  const int status = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (status != 0) fail_io(target, "cannot be flushed to the disk", error);
}

// Renames without replacing; by a link where the file system has no such rename. The error number, or 0.
int rename_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (::link(from.c_str(), to.c_str()) != 0) return errno;
  ::unlink(from.c_str());
  return 0;
}

// Renames over what is there. exchanged: that has the name `from` now. The error number, or 0.
int rename_over(const fs::path& from, const fs::path& to, bool& exchanged) {
  std::error_code ignored;
  if (fs::is_directory(fs::symlink_status(to, ignored))) return EISDIR;
  exchanged = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0;
  if (exchanged) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

}  // namespace

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

void check_folder(const fs::path& file) { check_folder(file, folder_of(file)); }

void check_folder(const fs::path& file, const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) {
    fail(ErrorCode::kIo, "output '{}': there is no folder '{}'; create it first", file.string(),
         folder.string());
  }
  if (!fs::is_directory(folder, ignored)) {
    fail(ErrorCode::kIo, "output '{}': '{}' is not a folder", file.string(), folder.string());
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    fail(ErrorCode::kIo, "output '{}': the folder '{}' is not writable: {}", file.string(), folder.string(),
         std::strerror(errno));
  }
}

fs::path pending_name(const fs::path& target, const std::string& mark) {
  return folder_of(target) / fmt::format(".{}.{}.part", target.filename().string(), mark);
}

PendingFile::PendingFile(fs::path target, const std::string& mark) : target_(std::move(target)) {
  check_folder(target_);
  if (!mark.empty()) {
    path_ = pending_name(target_, mark);
    const int fd = ::open(path_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) fail_io(target_, "cannot be created", errno);
    ::close(fd);
    return;
  }
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    path_ = pending_name(target_, fmt::format("{}-{}", ::getpid(), attempt));
    const int fd = ::open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (fd >= 0) {
      ::close(fd);
      return;
    }
    if (errno != EEXIST) fail_io(target_, "cannot be created", errno);
  }
  fail_io(target_, "cannot be created: too many unfinished files beside it", EEXIST);
}

PendingFile::PendingFile(fs::path target, fs::path path, State state)
    : target_(std::move(target)), path_(std::move(path)), state_(state) {}

std::unique_ptr<PendingFile> PendingFile::found(fs::path target, const std::string& mark, bool published) {
  fs::path path = pending_name(target, mark);
  std::error_code ignored;
  const State state = !published                  ? State::kPending
                      : fs::exists(path, ignored) ? State::kExchanged
                                                  : State::kPublished;
  return std::unique_ptr<PendingFile>(new PendingFile(std::move(target), std::move(path), state));
}

PendingFile::~PendingFile() {
  if (state_ == State::kPending || state_ == State::kExchanged) ::unlink(path_.c_str());
}

void PendingFile::flush() { sync_path(path_, O_RDONLY, target_); }

void PendingFile::publish(bool replace) {
  RLE_CHECK(state_ == State::kPending);
  int error = rename_new(path_, target_);
  State state = State::kPublished;
  if (error == EEXIST && replace) {
    bool exchanged = false;
    error = rename_over(path_, target_, exchanged);
    state = exchanged ? State::kExchanged : State::kReplaced;
  }
  if (error == EEXIST) {
    fail(ErrorCode::kSpec, "output '{}' exists already and is left as it is; name a new file",
         target_.string());
  }
  if (error != 0) fail_io(target_, "cannot be given its name", error);
  state_ = state;
  sync_path(folder_of(target_), O_RDONLY | O_DIRECTORY, target_);
}

void PendingFile::withdraw() noexcept {
  if (state_ != State::kPublished && state_ != State::kExchanged) return;
  const unsigned how = state_ == State::kExchanged ? RENAME_EXCHANGE : 0;
  if (::renameat2(AT_FDCWD, target_.c_str(), AT_FDCWD, path_.c_str(), how) == 0) state_ = State::kPending;
}

void publish_all(const PendingFiles& files, bool replace, const std::function<void()>& between) {
  try {
    for (size_t i = files.size(); i > 0; --i) {
      if (files[i - 1]->published()) continue;
      files[i - 1]->publish(replace);
      if (i > 1 && between) between();
    }
  } catch (...) {
    for (const auto& file : files) file->withdraw();
    throw;
  }
}

}  // namespace rle::ingest
