#include "base/snapshot_folder.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rle {
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    files.push_back(it->path());
  return files;
}

void remove_file(const fs::path& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

}  // namespace

fs::path SnapshotFolder::name_of(const SnapshotKey& key) const {
  return path_ / fmt::format("{}-{:016x}-{:016x}", key.kind, key.place, key.content);
}

bool SnapshotFolder::has(const SnapshotKey& key) const {
  const std::string name = name_of(key).filename().string();
  const std::string start = key.content != 0 ? name + "." : name.substr(0, name.rfind('-') + 1);
  const std::vector<fs::path> files = files_in(path_);
  return std::any_of(files.begin(), files.end(), [&](const fs::path& file) {
    return file.filename().string().starts_with(start) && file.extension() == ".manifest";
  });
}

// Writers share the lock; whoever has it alone removes what killed ones have left.
Descriptor SnapshotFolder::begin_writing() const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) fail(ErrorCode::kIo, "cannot make the folder '{}': {}", path_.string(), error.message());
  const fs::path path = path_ / "lock";
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (lock.get() < 0) fail(ErrorCode::kIo, "cannot write '{}': {}", path.string(), std::strerror(errno));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0)
    for (const fs::path& file : files_in(path_))
      if (file.filename().string().find(kTemporaryMark) != std::string::npos) remove_file(file);
  ::flock(lock.get(), LOCK_SH);
  return lock;
}

// A run that has mapped one goes on with it. The manifest goes first: without it there is nothing to open.
void SnapshotFolder::remove_former(const SnapshotKey& key) const try {
  const std::string own = name_of(key).filename().string();
  const std::string place = own.substr(0, own.rfind('-') + 1);
  for (const char* ending : {".manifest", ".data"})
    for (const fs::path& file : files_in(path_))
      if (file.filename().string().starts_with(place) && file.extension() == ending && file.stem() != own)
        remove_file(file);
} catch (const std::exception& error) {
  report_.warning("a former snapshot of {} is not removed: {}", key.what, error.what());
}

}  // namespace rle
