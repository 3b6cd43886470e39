#include "server/memory_group.h"

#include <fmt/format.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>

namespace rle {
namespace {
namespace fs = std::filesystem;

constexpr const char* kMount = "/sys/fs/cgroup";

bool is_delegated(const fs::path& folder) {
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    char value = 0;
    if (::getxattr(folder.c_str(), name, &value, 1) == 1 && value == '1') return true;
  }
  return false;
}

bool write_to(const fs::path& file, const std::string& text) {
  std::ofstream stream(file);
  stream << text << std::flush;
  return stream.good();
}

bool has_memory(const fs::path& folder) {
  std::ifstream stream(folder / "cgroup.controllers");
  for (std::string name; stream >> name;)
    if (name == "memory") return true;
  return false;
}

}  // namespace

MemoryGroup::~MemoryGroup() { ::rmdir(folder_.c_str()); }

bool MemoryGroup::ran_out() const {
  std::ifstream stream(folder_ / "memory.events");
  int64_t count = 0;
  for (std::string name; stream >> name >> count;)
    if (name == "oom_kill") return count > 0;
  return false;
}

fs::path MemoryGroups::own_cgroup() {
  std::ifstream stream("/proc/self/cgroup");
  for (std::string line; std::getline(stream, line);)
    if (line.starts_with("0::/")) return fs::path(kMount) / line.substr(4);
  return {};
}

MemoryGroups::MemoryGroups(fs::path own) : own_(std::move(own)) {
  if (own_.empty() || !is_delegated(own_) || !has_memory(own_)) return;
  // A group that is divided holds no process itself.
  std::error_code ignored;
  fs::create_directory(own_ / "host", ignored);
  usable_ = write_to(own_ / "host" / "cgroup.procs", std::to_string(::getpid())) &&
            write_to(own_ / "cgroup.subtree_control", "+memory");
}

std::unique_ptr<MemoryGroup> MemoryGroups::make(const std::string& name, int64_t bytes) const {
  if (!usable_) return nullptr;
  const fs::path folder = own_ / ("job-" + name);
  std::error_code ignored;
  fs::create_directory(folder, ignored);
  auto group = std::make_unique<MemoryGroup>(folder);
  const bool limited = write_to(folder / "memory.max", std::to_string(bytes));
  if (!limited) return nullptr;
  write_to(folder / "memory.swap.max", "0");  // where there is swap
  return group;
}

}  // namespace rle
