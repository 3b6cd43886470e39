// Where long work says what a person should know: one line a call. Implementations print it, or send it as an
// event.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace rle {

enum class Severity { kInfo, kWarning };

// Borrowed by the work that reports; calls come from one thread at a time.
class Report {
 public:
  virtual ~Report() = default;
  virtual void line(Severity severity, std::string_view text) = 0;

  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    line(Severity::kInfo, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) {
    line(Severity::kWarning, fmt::format(format, std::forward<Args>(args)...));
  }
};

// Keeps the lines; for tests, and for work whose lines are shown later.
class ReportLines : public Report {
 public:
  struct Line {
    Severity severity;
    std::string text;
    static auto members(auto& self) { return std::tie(self.severity, self.text); }
  };
  void line(Severity severity, std::string_view text) override {
    lines_.push_back({severity, std::string(text)});
  }
  const std::vector<Line>& lines() const { return lines_; }

 private:
  std::vector<Line> lines_;
};

}  // namespace rle
