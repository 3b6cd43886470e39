// Files that appear whole or not at all, several of them together, and never in the place of another unless
// that is asked for.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rle::ingest {

// A new empty file beside `target`, to be filled by path and then published under the target's name.
// Destroyed before that, it removes the file. One owner, one thread.
class PendingFile {
 public:
  // mark: part of its name; empty: the process's number. Error{kIo} names the path where the folder is
  // missing or not writable.
  explicit PendingFile(std::filesystem::path target, const std::string& mark = "");
  // What a killed process left of one with this mark: published, or whole under its pending name.
  static std::unique_ptr<PendingFile> found(std::filesystem::path target, const std::string& mark,
                                            bool published);
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  bool published() const { return state_ != State::kPending; }

  // To the disk; before publish.
  void flush();
  // Renames. replace: over what is there, which waits under path() until this is destroyed. Error{kSpec}
  // where the target exists by now; Error{kIo}.
  void publish(bool replace = false);
  // Undoes publish: what was replaced stands again. Nothing where the file system can't exchange two names.
  void withdraw() noexcept;

 private:
  // kExchanged: path_ holds what was replaced; kReplaced: that is gone.
  enum class State { kPending, kPublished, kExchanged, kReplaced };
  PendingFile(std::filesystem::path target, std::filesystem::path path, State state);

  std::filesystem::path target_, path_;
  State state_ = State::kPending;
};

using PendingFiles = std::vector<std::unique_ptr<PendingFile>>;

// Publishes those that are not yet, the last one first; where one fails, none is published. between: called
// after each but the last of them.
void publish_all(const PendingFiles& files, bool replace, const std::function<void()>& between = {});

// The name of a pending file with a mark.
std::filesystem::path pending_name(const std::filesystem::path& target, const std::string& mark);

// Error{kIo} where `file` cannot be created in its folder, as far as that can be seen.
void check_folder(const std::filesystem::path& file);
// The same of a folder above it: where the folders between are to be made.
void check_folder(const std::filesystem::path& file, const std::filesystem::path& folder);

// "." where the path names none.
std::filesystem::path folder_of(const std::filesystem::path& file);

}  // namespace rle::ingest
