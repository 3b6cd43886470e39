#include "server/host_log.h"

#include <cmath>

#include <fmt/format.h>

#include <unistd.h>

#include <chrono>
#include <future>

#include "base/time.h"

namespace rle {
namespace {

constexpr size_t kMostWaiting = 10'000;

std::string now_text() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const CivilTime time =
      civil_from_micros(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", time.year, time.month, time.day, time.hour,
                     time.minute, time.second, time.microsecond / 1000);
}

void write_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r' || c == '\x1b') c = ' ';
  text += '\n';
  for (size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(STDERR_FILENO, text.data() + done, text.size() - done);
    if (count <= 0) return;
    done += static_cast<size_t>(count);
  }
}

}  // namespace

HostLog::~HostLog() {
  std::promise<void> written;
  if (writer_.push([&written] { written.set_value(); })) written.get_future().wait();
}

void HostLog::request(const Exchange& exchange) {
  const double milliseconds = exchange.seconds * 1e3;
  const std::string path = exchange.path.substr(0, 300);
  if (form_ == Form::kText)
    return line("INFO",
                fmt::format("{} {} {} {:.1f} ms{} {}", exchange.status, exchange.method.substr(0, 20), path,
                            milliseconds, exchange.cut ? " (client left)" : "", exchange.peer),
                Json::object());
  line("INFO", "request",
       {{"method", exchange.method},
        {"path", path},
        {"route", exchange.route.empty() ? Json(nullptr) : Json(exchange.route)},
        {"status", exchange.status},
        {"bytes", exchange.bytes},
        {"ms", std::round(milliseconds * 1000) / 1000},
        {"peer", exchange.peer},
        {"cut", exchange.cut}});
}

void HostLog::line(const char* severity, const std::string& text, const Json& more) {
  std::string out;
  if (form_ == Form::kText) {
    out = fmt::format("{} {} {}", now_text(), severity, text);
  } else {
    Json document{{"time", now_text()}, {"severity", severity}, {"message", text}};
    document.update(more);
    out = document.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  if (!writer_.push([out = std::move(out)] { write_line(out); }, kMostWaiting)) {
    ++dropped_;
    return;
  }
  if (const int64_t dropped = dropped_.exchange(0); dropped > 0)
    line("WARNING", fmt::format("{} lines of this log were dropped", dropped), Json::object());
}

}  // namespace rle
