// Errors that end an operation. A message names the table, column, row or option, what was found, what was
// expected, and what to do. Expected outcomes are return values; programming mistakes are RLE_CHECK.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rle {

// What kind of mistake it was; the command line turns it into its exit code.
enum class ErrorCode {
  kSpec,         // can be known from arguments, specification and the tables' schemas: exit code 2
  kData,         // shows once rows are read: exit code 1
  kIo,           // a file, a database or the disk: exit code 1
  kNumeric,      // training met a value that is not finite: exit code 1
  kInterrupted,  // the user stopped it: exit code 130
  kInternal,     // a mistake of ours: exit code 1
};

int exit_code(ErrorCode code);

class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message, std::string field = "")
      : code_(code), message_(std::move(message)), field_(std::move(field)) {}

  ErrorCode code() const noexcept { return code_; }
  // The key of the specification that it is about, "config.lr"; empty where it is about none, or several.
  const std::string& field() const noexcept { return field_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorCode code_;
  std::string message_, field_;
};

template <typename... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

// The candidate closest to `name` by edit distance (case-insensitive), or "" where none is near.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

// "; did you mean 'x'?", or "; there are: a, b, c" (at most 12) where none is near, or "" without candidates.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace rle

// For invariants that user input can't break. Throws Error{kInternal}.
#define RLE_CHECK(condition)                                               \
  do {                                                                     \
    if (!(condition)) ::rle::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
