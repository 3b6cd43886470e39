// Attempts as child processes: the command line of `rle` and "job", in a process group of its own; the
// document on its standard input, events on descriptor 3. It inherits no other descriptor, and is killed when
// the thread that started it ends.
#pragma once

#include <string>
#include <vector>

#include "server/launcher.h"
#include "server/memory_group.h"

namespace rle {

class ChildLauncher : public Launcher {
 public:
  // command: {"/usr/bin/rle"}; "job" is added.
  explicit ChildLauncher(std::vector<std::string> command) : command_(std::move(command)) {}
  std::unique_ptr<Attempt> start(const LaunchOrder& order) override;

 private:
  const std::vector<std::string> command_;
  const MemoryGroups groups_;
};

}  // namespace rle
