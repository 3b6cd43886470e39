#include "base/error.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace rle {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

}  // namespace

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kSpec:
      return 2;
    case ErrorCode::kInterrupted:
      return 130;
    default:
      return 1;
  }
}

void check_failed(const char* condition, const char* file, int line) {
  const std::string_view path(file);
  const size_t slash = path.rfind("engine/");
  fail(ErrorCode::kInternal, "internal error: {} does not hold ({}:{}); please report it", condition,
       slash == std::string_view::npos ? path : path.substr(slash), line);
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string wanted = lower(name);
  std::string best;
  size_t best_distance = std::max<size_t>(2, wanted.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(wanted, lower(candidate));
    if (distance < best_distance && distance < wanted.size()) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  if (candidates.empty()) return "";
  if (const std::string near = nearest(name, candidates); !near.empty())
    return fmt::format("; did you mean '{}'?", near);
  constexpr size_t kShown = 12;
  const size_t shown = std::min(candidates.size(), kShown);
  std::string out = "; there are: ";
  for (size_t i = 0; i < shown; ++i) out += (i ? ", " : "") + candidates[i];
  if (shown < candidates.size()) out += fmt::format(", and {} more", candidates.size() - shown);
  return out;
}

}  // namespace rle
