#include "apps/progress.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "job/inspect.h"
#include "job/scores.h"

namespace rle {
namespace {

constexpr double kTerminalInterval = 0.2, kPlainInterval = 10;

std::string rate_text(double seeds_per_second) {
  return grouped(static_cast<int64_t>(std::llround(seeds_per_second)));
}

}  // namespace

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string clock_text(double seconds) {
  const auto all = static_cast<int64_t>(std::llround(std::max(seconds, 0.0)));
  const int64_t hours = all / 3600, minutes = all / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, all % 60);
  return fmt::format("{}:{:02}", minutes, all % 60);
}

FitHooks Progress::hooks() {
  FitHooks hooks;
  hooks.clock = steady_seconds;
  hooks.progress = [this](const FitProgress& progress) { step(progress); };
  hooks.epoch_done = [this](const EpochRecord& record) { epoch(record); };
  return hooks;
}

bool Progress::due(double interval_seconds) {
  const double now = steady_seconds();
  if (now - last_ < interval_seconds) return false;
  last_ = now;
  return true;
}

void Progress::step(const FitProgress& progress) {
  epochs_ = progress.epochs;
  seconds_left_ = progress.seconds_left;
  if (!due(console_.is_terminal() ? kTerminalInterval : kPlainInterval)) return;
  console_.transient(fmt::format("epoch {}/{}  step {}/{}  loss {:.4f}  {} seeds/s  {} left", progress.epoch,
                                 progress.epochs, progress.step, progress.steps, progress.loss,
                                 rate_text(progress.seeds_per_second), clock_text(progress.seconds_left)));
}

void Progress::epoch(const EpochRecord& record) {
  std::string text = fmt::format("epoch {}/{}  loss {:.4f}", record.epoch, epochs_, record.mean_loss);
  if (!record.validation.empty())
    text += fmt::format("  validation {} {:.4f}{}", metric_, metric_of(record.validation, metric_),
                        record.best ? " (best)" : "");
  text += fmt::format("  {} seeds/s", rate_text(record.seeds_per_second));
  if (record.epoch < epochs_) text += fmt::format("  {} left", clock_text(seconds_left_));
  console_.info("{}", text);
  last_ = steady_seconds();
}

void Progress::scored(int64_t done, int64_t rows) {
  if (!due(console_.is_terminal() ? kTerminalInterval : kPlainInterval)) return;
  console_.transient(fmt::format("{} of {} rows scored", grouped(done), grouped(rows)));
}

}  // namespace rle
