// Times are int64 microseconds since 1970-01-01 00:00:00 UTC (names end in _us). Text forms are ISO 8601.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rle {

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

// Proleptic Gregorian calendar, UTC.
struct CivilTime {
  int year, month, day;      // month 1..12, day 1..31
  int hour, minute, second;  // 0..23, 0..59, 0..59
  int microsecond;           // 0..999999
  int weekday;               // Monday = 0
};

CivilTime civil_from_micros(int64_t time_us);
int64_t micros_from_civil(int year, int month, int day, int hour = 0, int minute = 0, int second = 0,
                          int microsecond = 0);

// Floor to whole seconds, also before 1970.
constexpr int64_t floor_seconds(int64_t time_us) {
  return time_us >= 0 ? time_us / kMicrosPerSecond : -((-time_us + kMicrosPerSecond - 1) / kMicrosPerSecond);
}

// ISO forms: "2020-08-31", "2020-08-31 12:30[:15[.123456789]]" (or with T), each with an optional zone "Z",
// "+02",
// "+02:00", "+0200". Without a zone the text is UTC. Digits below a microsecond are cut off. Anything else:
// nullopt. has_zone, where given, is set to whether the text named a zone.
std::optional<int64_t> parse_time(std::string_view text, bool* has_zone = nullptr);

// "2020-08-31" at midnight, else "2020-08-31 12:30:15" with the fraction where there is one.
std::string format_time(int64_t time_us);

// "60d", "12h", "30m", "45s", "2w" or a sum such as "1d 12h" -> microseconds; anything else: nullopt.
std::optional<int64_t> parse_duration(std::string_view text);

}  // namespace rle
