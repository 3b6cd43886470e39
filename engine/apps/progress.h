// Progress of training and scoring: one line that is rewritten on a terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <string>

#include "apps/console.h"
#include "train/fit.h"

namespace rle {

// Seconds since the process's clock began; never goes back.
double steady_seconds();

// "1:05", "2:10:33"
std::string clock_text(double seconds);

// Borrows the console.
class Progress {
 public:
  Progress(Console& console, std::string metric) : console_(console), metric_(std::move(metric)) {}

  // clock, progress and epoch_done of a training.
  FitHooks hooks();
  void scored(int64_t done, int64_t rows);

 private:
  void step(const FitProgress& progress);
  void epoch(const EpochRecord& record);
  bool due(double interval_seconds);

  Console& console_;
  std::string metric_;
  double last_ = steady_seconds();
  int64_t epochs_ = 0;
  double seconds_left_ = 0;
};

}  // namespace rle
