#include "server/v1alpha1/log_lines.h"

#include <fmt/format.h>

#include "base/time.h"
#include "server/v1alpha1/payload.h"

namespace rle::v1alpha1 {
namespace {

constexpr int64_t kProgressInterval_us = 250'000;

std::string epoch_text(const Json& body) {
  std::string text = fmt::format("EPOCH_COMPLETE: epoch {}/{} loss {:.6g}", body.at("epoch").get<int64_t>(),
                                 body.at("epochs").get<int64_t>(), body.value("loss", 0.0));
  if (const Json* metrics = find(body, "validation"))
    for (const auto& [name, value] : metrics->items())
      if (value.is_number()) text += fmt::format(" {} {:.6g}", name, value.get<double>());
  return text;
}

std::string progress_text(const Json& body) {
  const Json progress{{"epoch", body.at("epoch")},
                      {"total_epochs", body.at("epochs")},
                      {"step", body.at("step")},
                      {"total_steps", body.at("steps")},
                      {"loss", body.at("loss")}};
  return "TRAINING_PROGRESS:" + progress.dump();
}

}  // namespace

std::optional<std::string> LogLines::line(const EventRecord& event) {
  if (event.type == "log")
    return fmt::format("{} | {} | {}", format_time(event.time_us), event.body.value("severity", "INFO"),
                       event.body.value("text", ""));
  if (event.type == "epoch") return epoch_text(event.body);
  if (event.type == "state")
    return fmt::format("{} | INFO | job {} is {}", format_time(event.time_us), job_id_,
                       event.body.value("state", ""));
  if (event.type != "progress") return std::nullopt;
  const bool early = last_progress_us_ >= 0 && event.time_us >= last_progress_us_ &&
                     event.time_us - last_progress_us_ < kProgressInterval_us;
  if (early) return std::nullopt;
  last_progress_us_ = event.time_us;
  return progress_text(event.body);
}

std::string LogLines::end() const { return "JOB_END:" + job_id_; }

}  // namespace rle::v1alpha1
