// How the host starts what runs a job, watches it and stops it. The only real one is a child process
// (child_launcher.h); tests have another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rle {

struct LaunchOrder {
  std::string name;      // of what is started, for the system's lists: a job's id
  std::string document;  // what it reads (job/job_request.h); may hold secrets
  std::optional<int64_t> memory_limit_bytes;
};

// How it ended.
struct Ending {
  int exit_code = 0;
  int signal = 0;              // that ended it; 0: none did
  bool out_of_memory = false;  // known to have been ended for that
};

// One attempt that was started. Destroyed while it lives: it is killed.
class Attempt {
 public:
  virtual ~Attempt() = default;

  // Descriptors that become readable when `poll` has something to give.
  virtual std::vector<int> descriptors() const = 0;
  // Whole lines that came since the last call: its events, and what it wrote elsewhere. Never waits.
  struct News {
    std::vector<std::string> events, other;
    std::optional<Ending> ending;  // then nothing more will come
  };
  virtual News poll() = 0;
  // Asks it to stop; at_once: ends it, with all that it started.
  virtual void stop(bool at_once) = 0;
};

// Used from one thread that lives as long as what it started.
class Launcher {
 public:
  virtual ~Launcher() = default;
  // Error{kIo}: it could not be started.
  virtual std::unique_ptr<Attempt> start(const LaunchOrder& order) = 0;
};

}  // namespace rle
