#include "base/memory.h"

#include <sys/resource.h>

#include <charconv>
#include <cmath>

#include "base/error.h"

namespace rle {
namespace {

constexpr double kMiB = 1 << 20, kGiB = 1 << 30;

std::optional<double> bytes_of_unit(std::string_view unit) {
  constexpr std::string_view kLetters = "KMGT";
  if (unit.empty() || unit == "B") return 1;
  const size_t power = kLetters.find(unit[0]);
  const std::string_view rest = unit.substr(1);
  if (power == std::string_view::npos || (rest != "" && rest != "B" && rest != "iB")) return std::nullopt;
  return std::pow(rest == "B" ? 1000.0 : 1024.0, static_cast<double>(power) + 1);
}

}  // namespace

std::optional<int64_t> parse_bytes(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || text[0] < '0' || text[0] > '9') return std::nullopt;
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  const std::optional<double> scale = bytes_of_unit(unit);
  if (!scale || !(number * *scale >= 1) || number * *scale > 0x1p62) return std::nullopt;
  return static_cast<int64_t>(number * *scale);
}

std::string bytes_text(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value < kGiB) return fmt::format("{:.0f} MiB", std::ceil(value / kMiB));
  return fmt::format("{:.1f} GiB", std::ceil(value / kGiB * 10) / 10);
}

std::string too_little_memory(int64_t bytes) {
  if (bytes >= kLeastMemoryBytes) return "";
  return fmt::format("{} is less than the program itself takes; give {} at least", bytes_text(bytes),
                     bytes_text(kLeastMemoryBytes));
}

void limit_memory(int64_t bytes) {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_DATA, &limit) != 0) return;
  const auto wanted = static_cast<rlim_t>(bytes);
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur <= wanted) return;  // the stricter one stays
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_DATA, &limit);
}

std::optional<int64_t> memory_limit() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return static_cast<int64_t>(limit.rlim_cur);
}

}  // namespace rle
