// What the commands of `rle` share: global options, and how a command is registered.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "apps/console.h"
#include "base/cancel.h"
#include "job/job_spec.h"

namespace rle {

// Filled while the arguments are parsed; commands read it when they run.
struct Globals {
  std::vector<std::string> sets;
  bool json = false;
  bool quiet = false;
  int threads = 0;           // 0: as the specification says
  std::string snapshot;      // a folder; empty: as the specification says
  std::string memory_limit;  // "4GiB"; likewise
  Console console;
  CancelToken cancel;
  std::function<void()> chosen;  // the command to run, set by its parser callback
};

// The specification with --set, --threads, --snapshot and --memory-limit applied.
JobSpec load_spec(const std::filesystem::path& file, const Globals& globals);

// The specification's warnings about training, on standard error.
void tell_warnings(const JobSpec& spec, Globals& globals);

// One line naming the --set config.KEY that count for nothing where a model brings its own configuration.
void tell_unused_config(Globals& globals);

// Each adds one command to `app`.
void add_validate(CLI::App& app, Globals& globals);
void add_inspect(CLI::App& app, Globals& globals);
void add_init(CLI::App& app, Globals& globals);
void add_fit(CLI::App& app, Globals& globals);
void add_evaluate(CLI::App& app, Globals& globals);
void add_predict(CLI::App& app, Globals& globals);
void add_job(CLI::App& app, Globals& globals);
void add_serve(CLI::App& app, Globals& globals);
void add_submit(CLI::App& app, Globals& globals);
void add_jobs(CLI::App& app, Globals& globals);
void add_logs(CLI::App& app, Globals& globals);
void add_cancel(CLI::App& app, Globals& globals);
void add_engines(CLI::App& app, Globals& globals);
void add_token(CLI::App& app, Globals& globals);

}  // namespace rle
