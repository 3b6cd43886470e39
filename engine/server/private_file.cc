#include "server/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace rle {
namespace {

[[noreturn]] void fail_at(const std::filesystem::path& path, const char* what) {
  fail(ErrorCode::kIo, "{}: {} ({})", path.string(), what, std::strerror(errno));
}

void write_new(const std::filesystem::path& path, int file, std::string_view text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(file, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail_at(path, "can't be written");
    done += static_cast<size_t>(count);
  }
  if (fsync(file) != 0) fail_at(path, "can't be written");
}

int open_new(const std::filesystem::path& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

}  // namespace

void replace_private_file(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::path temporary = path;
  temporary += fmt::format("{}{}", kTemporaryMark, getpid());
  unlink(temporary.c_str());  // of a process of that number that was killed
  const Descriptor file(open_new(temporary));
  if (file.get() < 0) fail_at(temporary, "can't be made");
  try {
    write_new(temporary, file.get(), text);
    if (rename(temporary.c_str(), path.c_str()) != 0) fail_at(path, "can't be replaced");
  } catch (const Error&) {
    unlink(temporary.c_str());
    throw;
  }
}

bool make_private_file(const std::filesystem::path& path, std::string_view text) {
  const Descriptor file(open_new(path));
  if (file.get() < 0) {
    if (errno == EEXIST) return false;
    fail_at(path, "can't be made");
  }
  write_new(path, file.get(), text);
  return true;
}

std::string read_private_file(const std::filesystem::path& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (file.get() < 0 || fstat(file.get(), &info) != 0) fail_at(path, "can't be read");
  if (info.st_uid != geteuid() || (info.st_mode & 077) != 0)
    fail(ErrorCode::kIo, "{}: others may read or change it; `chmod 600` it, and it must be your own",
         path.string());
  std::string text(64 << 10, '\0');
  const ssize_t count = ::read(file.get(), text.data(), text.size());
  if (count < 0) fail_at(path, "can't be read");
  text.resize(static_cast<size_t>(count));
  return text;
}

}  // namespace rle
