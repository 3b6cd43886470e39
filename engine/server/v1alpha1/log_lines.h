// A job's events as the lines that v1alpha1 clients print, and draw their progress bar from.
#pragma once

#include <optional>
#include <string>

#include "server/records.h"

namespace rle::v1alpha1 {

// One for each stream. Progress lines come at most four a second of the events' own time: clients take faster
// ones for a replay and draw nothing.
class LogLines {
 public:
  explicit LogLines(std::string job_id) : job_id_(std::move(job_id)) {}

  // The line of an event, without its end; nullopt where there is none.
  std::optional<std::string> line(const EventRecord& event);
  // The last line of a stream.
  std::string end() const;

 private:
  std::string job_id_;
  int64_t last_progress_us_ = -1;
};

}  // namespace rle::v1alpha1
