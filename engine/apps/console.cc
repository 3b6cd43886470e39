#include "apps/console.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace rle {
namespace {

const char* code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kSpec:
      return "specification";
    case ErrorCode::kData:
      return "data";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kNumeric:
      return "numeric";
    case ErrorCode::kInterrupted:
      return "interrupted";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

[[noreturn]] void fail_output() {
  fail(ErrorCode::kIo, "standard output cannot be written: {}", std::strerror(errno));
}

void write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail_output();
}

}  // namespace

void Console::line(Severity severity, std::string_view text) {
  const bool warning = severity == Severity::kWarning;
  if (quiet_ && !warning) return;
  clear_transient();
  std::fprintf(stderr, "%s%.*s\n", warning ? "WARNING: " : "", static_cast<int>(text.size()), text.data());
  std::fflush(stderr);
}

bool Console::is_terminal() const { return isatty(STDERR_FILENO) == 1; }

void Console::transient(std::string_view text) {
  if (quiet_) return;
  if (!is_terminal()) return line(Severity::kInfo, text);
  std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(text.size()), text.data());
  std::fflush(stderr);
  transient_shown_ = true;
}

void Console::clear_transient() {
  if (transient_shown_) std::fputs("\r\033[K", stderr);
  transient_shown_ = false;
}

void Console::print(std::string_view text) {
  clear_transient();
  write(text);
  write("\n");
}

void Console::print_json(const nlohmann::ordered_json& document) {
  print(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void Console::flush() {
  if (std::fflush(stdout) != 0) fail_output();
}

void Console::print_error(const Error& error, bool json) {
  std::fprintf(stderr, "error: %s\n", error.what());
  if (!json) return;
  const nlohmann::ordered_json document{{"error",
                                         {{"code", code_name(error.code())},
                                          {"exit_code", exit_code(error.code())},
                                          {"message", error.what()}}}};
  const std::string text = document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::fprintf(stdout, "%s\n", text.c_str());
  std::fflush(stdout);
}

}  // namespace rle
