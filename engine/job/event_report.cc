#include "job/event_report.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>

#include "job/scores.h"

namespace rle {
namespace {
using Json = nlohmann::ordered_json;

constexpr double kInterval = 0.25;  // seconds

double steady_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

void EventReport::line(Severity severity, std::string_view text) {
  event("log", {{"severity", severity == Severity::kWarning ? "WARNING" : "INFO"}, {"text", text}});
}

void EventReport::event(std::string_view type, Json body) {
  const std::lock_guard lock(mutex_);
  Json out{{"attempt", attempt_}, {"seq", ++seq_}, {"type", type}};
  for (auto& [key, value] : body.items()) out[key] = std::move(value);
  const std::string text = out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  for (size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(descriptor_, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    done += static_cast<size_t>(written);
  }
}

bool EventReport::due(double& last) {
  const double now = steady_now();
  if (last >= 0 && now - last < kInterval) return false;
  last = now;
  return true;
}

void EventReport::progress(const FitProgress& progress) {
  epochs_ = progress.epochs;
  if (!due(last_progress_)) return;
  event("progress", {{"epoch", progress.epoch},
                     {"epochs", progress.epochs},
                     {"step", progress.step},
                     {"steps", progress.steps},
                     {"loss", finite(progress.loss)},
                     {"seeds_per_second", finite(progress.seeds_per_second)},
                     {"seconds_left", finite(progress.seconds_left)}});
}

void EventReport::scored(int64_t done, int64_t rows) {
  if (done == rows || due(last_scored_)) event("scored", {{"done", done}, {"rows", rows}});
}

void EventReport::epoch(const EpochRecord& record, int64_t epochs) {
  event("epoch", {{"epoch", record.epoch},
                  {"epochs", epochs},
                  {"loss", finite(record.mean_loss)},
                  {"lr", record.lr},
                  {"seconds", record.seconds},
                  {"seeds_per_second", finite(record.seeds_per_second)},
                  {"validation", metrics_json(record.validation)},
                  {"best", record.best}});
}

FitHooks EventReport::hooks() {
  FitHooks hooks;
  hooks.clock = steady_now;
  hooks.progress = [this](const FitProgress& now) { progress(now); };
  hooks.epoch_done = [this](const EpochRecord& record) { epoch(record, epochs_); };
  return hooks;
}

}  // namespace rle
