#include "base/time.h"

#include <fmt/format.h>

#include <chrono>

namespace rle {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

// Reads digits off the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  bool accept(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  // Exactly `width` digits.
  bool digits(int width, int& value) {
    if (text_.size() < static_cast<size_t>(width)) return false;
    value = 0;
    for (int i = 0; i < width; ++i) {
      const char c = text_[static_cast<size_t>(i)];
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    text_.remove_prefix(static_cast<size_t>(width));
    return true;
  }
  // One or more digits after a decimal point, as microseconds.
  bool fraction(int& micros) {
    micros = 0;
    int scale = 100'000, count = 0;
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') {
      micros += (text_.front() - '0') * scale;
      scale /= 10;
      ++count;
      text_.remove_prefix(1);
    }
    return count > 0 && count <= 9;
  }
  void skip_spaces() {
    while (accept(' ')) {
    }
  }

 private:
  std::string_view text_;
};

bool read_clock(Scanner& scan, int& hour, int& minute, int& second, int& micros) {
  if (!scan.digits(2, hour) || !scan.accept(':') || !scan.digits(2, minute)) return false;
  if (scan.accept(':')) {
    if (!scan.digits(2, second)) return false;
    if ((scan.accept('.') || scan.accept(',')) && !scan.fraction(micros)) return false;
  }
  return hour < 24 && minute < 60 && second < 60;
}

// What to subtract to reach UTC, in minutes.
bool read_zone(Scanner& scan, int& offset_minutes, bool& has_zone) {
  scan.skip_spaces();
  has_zone = !scan.done();
  if (!has_zone || scan.accept('Z') || scan.accept('z')) return scan.done();
  const bool minus = scan.accept('-');
  if (!minus && !scan.accept('+')) return false;
  int hours = 0, minutes = 0;
  if (!scan.digits(2, hours)) return false;
  if (!scan.done()) {
    scan.accept(':');
    if (!scan.digits(2, minutes)) return false;
  }
  offset_minutes = (minus ? -1 : 1) * (hours * 60 + minutes);
  return scan.done() && hours < 24 && minutes < 60;
}

}  // namespace

CivilTime civil_from_micros(int64_t time_us) {
  const int64_t seconds = floor_seconds(time_us);
  const int64_t day = seconds >= 0 ? seconds / 86'400 : -((-seconds + 86'399) / 86'400);
  const year_month_day date{sys_days{days{day}}};
  const int rest = static_cast<int>(seconds - day * 86'400);
  CivilTime out{};
  out.year = static_cast<int>(date.year());
  out.month = static_cast<int>(static_cast<unsigned>(date.month()));
  out.day = static_cast<int>(static_cast<unsigned>(date.day()));
  out.hour = rest / 3600;
  out.minute = rest / 60 % 60;
  out.second = rest % 60;
  out.microsecond = static_cast<int>(time_us - seconds * kMicrosPerSecond);
  out.weekday = static_cast<int>(((day + 3) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
  return out;
}

int64_t micros_from_civil(int year, int month, int day, int hour, int minute, int second, int microsecond) {
  const sys_days date =
      year_month_day{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                     std::chrono::day{static_cast<unsigned>(day)}};
  const int64_t seconds =
      int64_t{date.time_since_epoch().count()} * 86'400 + hour * 3600 + minute * 60 + second;
  return seconds * kMicrosPerSecond + microsecond;
}

std::optional<int64_t> parse_time(std::string_view text, bool* has_zone) {
  Scanner scan(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0, offset_minutes = 0;
  bool zone = false;
  if (!scan.digits(4, year) || !scan.accept('-') || !scan.digits(2, month) || !scan.accept('-') ||
      !scan.digits(2, day))
    return std::nullopt;
  const year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  if (scan.accept('T') || scan.accept(' ')) {
    if (!read_clock(scan, hour, minute, second, micros) || !read_zone(scan, offset_minutes, zone))
      return std::nullopt;
  }
  if (!scan.done()) return std::nullopt;
  if (has_zone != nullptr) *has_zone = zone;
  return micros_from_civil(year, month, day, hour, minute, second, micros) -
         offset_minutes * 60 * kMicrosPerSecond;
}

std::string format_time(int64_t time_us) {
  const CivilTime t = civil_from_micros(time_us);
  std::string out = fmt::format("{:04}-{:02}-{:02}", t.year, t.month, t.day);
  if (t.hour != 0 || t.minute != 0 || t.second != 0 || t.microsecond != 0)
    out += fmt::format(" {:02}:{:02}:{:02}", t.hour, t.minute, t.second);
  if (t.microsecond != 0) out += fmt::format(".{:06}", t.microsecond);
  return out;
}

std::optional<int64_t> parse_duration(std::string_view text) {
  int64_t total = 0;
  size_t i = 0;
  bool any = false;
  while (i < text.size()) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    int64_t count = 0;
    const size_t start = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9' && count < 1'000'000'000)
      count = count * 10 + (text[i++] - '0');
    if (i == start || i == text.size()) return std::nullopt;
    int64_t unit = 0;
    switch (text[i++]) {
      case 's':
        unit = kMicrosPerSecond;
        break;
      case 'm':
        unit = 60 * kMicrosPerSecond;
        break;
      case 'h':
        unit = 3600 * kMicrosPerSecond;
        break;
      case 'd':
        unit = kMicrosPerDay;
        break;
      case 'w':
        unit = 7 * kMicrosPerDay;
        break;
      default:
        return std::nullopt;
    }
    if (count > 36'525'000 / (unit >= kMicrosPerDay ? unit / kMicrosPerDay : 1)) return std::nullopt;
    total += count * unit;
    any = true;
  }
  return any ? std::optional(total) : std::nullopt;
}

}  // namespace rle
