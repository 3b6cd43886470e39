// What the host tells on standard error: requests, starts and stops, mistakes. Text for a person, or JSON
// lines.
#pragma once

#include <atomic>
#include <string>

#include "http/server.h"
#include "http/work_queue.h"
#include "server/records.h"

namespace rle {

// Thread-safe. Lines are written by a thread of its own, so that a reader who is slow holds up nothing:
// beyond 10,000 that wait, lines are dropped and counted.
class HostLog {
 public:
  enum class Form { kText, kJson };
  explicit HostLog(Form form) : form_(form) {}
  // Writes what waits.
  ~HostLog();

  void request(const Exchange& exchange);
  void info(const std::string& text) { line("INFO", text, Json::object()); }
  void error(const std::string& text) { line("ERROR", text, Json::object()); }

 private:
  void line(const char* severity, const std::string& text, const Json& more);

  const Form form_;
  std::atomic<int64_t> dropped_{0};
  WorkQueue writer_{1};
};

}  // namespace rle
