// A memory limit that the system keeps for a child and all that it starts: a cgroup (v2) of its own, where
// the host's was delegated to it (systemd: Delegate=yes, which marks the folder with user.delegate or
// trusted.delegate). Elsewhere there is none, and the child limits itself (base/memory.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace rle {

// Removed with its owner, once nothing is in it any more.
class MemoryGroup {
 public:
  explicit MemoryGroup(std::filesystem::path folder) : folder_(std::move(folder)) {}
  ~MemoryGroup();
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  // A process that writes "0" to it is in the group from then on.
  std::string entrance() const { return (folder_ / "cgroup.procs").string(); }
  // Whether the system ended a process of it for lack of memory.
  bool ran_out() const;

 private:
  std::filesystem::path folder_;
};

// One thread.
class MemoryGroups {
 public:
  // own: the host's cgroup; it is divided into one for the host itself and one for each child.
  explicit MemoryGroups(std::filesystem::path own = own_cgroup());

  bool usable() const { return usable_; }
  // nullptr: there are none, or it could not be made.
  std::unique_ptr<MemoryGroup> make(const std::string& name, int64_t bytes) const;

  // Of this process; empty: none of version 2.
  static std::filesystem::path own_cgroup();

 private:
  std::filesystem::path own_;
  bool usable_ = false;
};

}  // namespace rle
