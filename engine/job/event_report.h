// The events of a job as lines of JSON on a descriptor, for the engine host that started it:
//   {"attempt": 1, "seq": 7, "type": "log", "severity": "INFO", "text": "..."}
// seq counts from 1 within the attempt. Types: those of docs/host.md, and two that end an attempt:
// "result" {"result", "warnings"} and "error" {"error": problem}; "stopped" {} where it was asked to stop.
#pragma once

#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/report.h"
#include "train/fit.h"

namespace rle {

// Borrows the descriptor. Thread-safe. A host that is gone, or reads no more, is not waited for: what can't
// be written is dropped, and the process ends with its parent anyhow.
class EventReport : public Report {
 public:
  EventReport(int descriptor, int64_t attempt) : descriptor_(descriptor), attempt_(attempt) {}

  void line(Severity severity, std::string_view text) override;
  void event(std::string_view type, nlohmann::ordered_json body);

  // At most four a second each.
  void progress(const FitProgress& progress);
  void scored(int64_t done, int64_t rows);
  void epoch(const EpochRecord& record, int64_t epochs);
  // clock, progress and epoch_done of a training.
  FitHooks hooks();

 private:
  bool due(double& last);

  const int descriptor_;
  const int64_t attempt_;
  std::mutex mutex_;
  int64_t seq_ = 0, epochs_ = 0;
  double last_progress_ = -1, last_scored_ = -1;
};

}  // namespace rle
