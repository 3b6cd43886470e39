#include "apps/job_follow.h"

#include <chrono>
#include <thread>

#include "apps/progress.h"

namespace rle {
namespace {

using Json = nlohmann::ordered_json;

std::string epoch_text(const Json& event) {
  std::string text = fmt::format("epoch {}/{}  loss {}", shown_member(event, "epoch"),
                                 shown_member(event, "epochs"), shown_member(event, "loss"));
  if (event.contains("validation") && event["validation"].is_object())
    for (const auto& [name, value] : event["validation"].items())
      text +=
          fmt::format("  {} {}", name, value.is_number() ? fmt::format("{:.4f}", value.get<double>()) : "-");
  return text + (event.value("best", false) ? " (best)" : "");
}

void tell(const Json& event, Console& console) {
  const std::string type = event.value("type", "");
  if (type == "log")
    console.line(event.value("severity", "INFO") == "INFO" ? Severity::kInfo : Severity::kWarning,
                 event.value("text", ""));
  else if (type == "state")
    console.info("{}{}", event.value("state", ""),
                 event.contains("reason") ? ": " + shown_member(event, "reason") : "");
  else if (type == "epoch")
    console.info("{}", epoch_text(event));
  else if (type == "output")
    console.info("written: {}", shown_member(event, "path"));
  else if (type == "progress" && console.is_terminal())
    console.transient(fmt::format("epoch {}/{}  step {}/{}  loss {}", shown_member(event, "epoch"),
                                  shown_member(event, "epochs"), shown_member(event, "step"),
                                  shown_member(event, "steps"), shown_member(event, "loss")));
}

}  // namespace

std::string print_events(const HostApi& api, const std::string& job, bool follow, Globals& globals) {
  constexpr int kTries = 30;  // while the host starts again
  int64_t next = 1;
  std::string state;
  for (int failures = 0;;) {
    try {
      const std::string target = fmt::format("/v1/jobs/{}/events?from={}{}", percent_encoded(job), next,
                                             follow ? "&follow=true" : "");
      api.lines(target, [&](std::string_view line) {
        if (line.empty()) return !globals.cancel.requested();
        const Json event = Json::parse(line, nullptr, false);
        if (!event.is_object()) return true;
        failures = 0;
        next = event.value("seq", next) + 1;
        if (event.value("type", "") == "state") state = event.value("state", "");
        if (globals.json) {
          globals.console.print(line);
          globals.console.flush();
        } else {
          tell(event, globals.console);
        }
        return !globals.cancel.requested();
      });
      return state;  // the host ended the answer: there is no more
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kIo || !follow || ++failures > kTries) throw;
    }
    if (globals.cancel.requested()) return state;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace rle
