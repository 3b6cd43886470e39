// A file that appears whole or not at all, and never in the place of another.
#pragma once

#include <filesystem>
#include <string>

namespace rle::ingest {

// A new empty file beside `target`, to be filled by path and then published under the target's name.
// Destroyed before that, it removes the file. One owner, one thread.
class PendingFile {
 public:
  // mark: part of its name; empty: the process's number. Error{kIo} names the path where the folder is
  // missing or not writable.
  explicit PendingFile(std::filesystem::path target, const std::string& mark = "");
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // To the disk; before publish.
  void flush();
  // Renames. replace: over what is there. Error{kSpec} where the target exists by now; Error{kIo}.
  void publish(bool replace = false);

 private:
  std::filesystem::path target_, path_;
  bool published_ = false;
};

// The name of a pending file with a mark.
std::filesystem::path pending_name(const std::filesystem::path& target, const std::string& mark);

// Error{kIo} where `file` cannot be created in its folder, as far as that can be seen.
void check_folder(const std::filesystem::path& file);

// "." where the path names none.
std::filesystem::path folder_of(const std::filesystem::path& file);

}  // namespace rle::ingest
