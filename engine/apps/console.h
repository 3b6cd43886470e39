// What a person or a program sees: results on standard output, everything else line by line on standard
// error.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/report.h"

namespace rle {

// One of a process; used from one thread.
class Console : public Report {
 public:
  void set_quiet(bool quiet) { quiet_ = quiet; }

  // To standard error, warnings with their prefix; --quiet leaves out what is no warning.
  void line(Severity severity, std::string_view text) override;

  // A line of progress on standard error: on a terminal the next line takes its place.
  void transient(std::string_view text);
  bool is_terminal() const;

  // To standard output. Error{kIo} where it can't be written (a full disk).
  void print(std::string_view text);
  void print_json(const nlohmann::ordered_json& document);
  void flush();

  // "error: ..." on standard error, or with --json an object on standard output.
  static void print_error(const Error& error, bool json);

 private:
  void clear_transient();

  bool quiet_ = false;
  bool transient_shown_ = false;
};

}  // namespace rle
