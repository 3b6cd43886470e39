// Parses the arguments, runs one command, turns errors into messages and exit codes.
#include "apps/rle_main.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>

#include "apps/app.h"
#include "apps/interrupt.h"
#include "base/error.h"
#include "base/memory.h"
#include "ingest/source.h"

namespace rle {
namespace {

void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("--set", globals.sets, "PATH=VALUE: change a value of the specification (repeatable)")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  app.add_option("--threads", globals.threads, "threads to compute with; results do not depend on it")
      ->check(CLI::Range(1, 1024));
  app.add_option("--snapshot", globals.snapshot,
                 "a folder that keeps tables and graph between runs: the next run on the same data starts "
                 "at once (not of init)")
      ->type_name("DIR");
  app.add_option(
         "--memory-limit", globals.memory_limit,
         "4GiB, 500MiB: what the run may take; kept, or refused with the size that would do (not of init)")
      ->check([](const std::string& text) {
        const std::optional<int64_t> bytes = parse_bytes(text);
        return bytes ? too_little_memory(*bytes) : "a size such as 4GiB or 500MiB is expected, found " + text;
      })
      ->type_name("SIZE");
  app.add_flag("--json", globals.json, "results and errors as JSON on standard output");
  app.add_flag("--quiet,-q", globals.quiet, "warnings and errors only, no progress");
  app.set_version_flag("--version",
                       [] { return fmt::format("rle {} (DuckDB {})", RLE_VERSION, duckdb_version()); });
}

void add_commands(CLI::App& app, Globals& globals) {
  add_init(app, globals);
  add_validate(app, globals);
  add_inspect(app, globals);
  add_fit(app, globals);
  add_evaluate(app, globals);
  add_predict(app, globals);
  const size_t with_spec = app.get_subcommands({}).size();
  add_serve(app, globals);
  add_submit(app, globals);
  add_jobs(app, globals);
  add_logs(app, globals);
  add_cancel(app, globals);
  add_engines(app, globals);
  add_token(app, globals);
  add_job(app, globals);
  const std::vector<CLI::App*> commands = app.get_subcommands({});
  for (size_t i = 0; i < commands.size(); ++i)
    commands[i]->fallthrough()->footer(
        i == 0 || i >= with_spec
            ? "Options of every command (`rle --help`): --json, --quiet"
            : "Options of every command that takes SPEC (`rle --help`): --set, --threads, --snapshot, "
              "--memory-limit, --json, --quiet");
  app.require_subcommand(1);
}

// "--model", "-q" of an app and the command chosen, each once.
void add_option_names(const CLI::App& app, std::vector<std::string>& names) {
  const auto add = [&names](std::string name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  };
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) add("--" + name);
    for (const std::string& name : option->get_snames()) add("-" + name);
  }
}

// The first argument that looks like an option and is none of `names`; "" where there is none.
std::string unknown_option(const std::vector<std::string>& names, int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i], name = argument.substr(0, argument.find('='));
    const bool dashed = name.size() > 1 && name[0] == '-' && (name[1] < '0' || name[1] > '9');
    if (dashed && std::find(names.begin(), names.end(), name) == names.end()) return std::string(name);
  }
  return "";
}

// A mistake in the arguments, in the words of our own errors.
Error argument_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const std::string first = argc > 1 ? argv[1] : "";
  if (chosen.empty() && (first.empty() || first[0] != '-')) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(command->get_name());
    const std::string what = first.empty() ? "no command is given" : fmt::format("no command '{}'", first);
    return Error(ErrorCode::kSpec, what + suggestion(first, names));
  }
  std::vector<std::string> names;
  std::string program = "rle";
  for (const CLI::App* command = chosen.empty() ? nullptr : chosen[0]; command;) {
    program += " " + command->get_name();
    add_option_names(*command, names);
    const std::vector<CLI::App*> below = command->get_subcommands();
    command = below.empty() ? nullptr : below[0];
  }
  add_option_names(app, names);
  const std::string unknown = unknown_option(names, argc, argv);
  const std::string what = unknown.empty()
                               ? std::string(error.what())
                               : fmt::format("no option '{}'{}", unknown, suggestion(unknown, names));
  return Error(ErrorCode::kSpec, fmt::format("{}; see `{} --help`", what, program));
}

int run(int argc, char** argv) {
  CLI::App app("From tables to predictions: trains a graph neural network on relational data.", "rle");
  Globals globals;
  bool json = false;
  for (int i = 1; i < argc; ++i) json = json || std::string_view(argv[i]) == "--json";
  try {
    add_globals(app, globals);
    add_commands(app, globals);
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& success) {  // --help, --version
      return app.exit(success);
    } catch (const CLI::ParseError& error) {
      throw argument_error(app, error, argc, argv);
    }
    stop_on_interrupt(globals.cancel);
    globals.console.set_quiet(globals.quiet);
    globals.chosen();
    globals.console.flush();
    return 0;
  } catch (const Error& error) {
    Console::print_error(error, json);
    return exit_code(error.code());
  } catch (const std::bad_alloc&) {
    const Error error(
        ErrorCode::kIo,
        "out of memory; raise the memory limit if there is one, keep a snapshot (--snapshot DIR), "
        "or use fewer columns, a smaller batch or smaller fanouts");
    Console::print_error(error, json);
    return exit_code(error.code());
  } catch (const std::exception& unexpected) {
    const Error error(ErrorCode::kInternal,
                      fmt::format("a mistake of the program itself: {}", unexpected.what()));
    Console::print_error(error, json);
    return exit_code(error.code());
  }
}

}  // namespace

JobSpec load_spec(const std::filesystem::path& file, const Globals& globals) {
  JobSpec spec = load_job_spec(file, globals.sets);
  if (globals.threads > 0) spec.threads = globals.threads;
  if (!globals.memory_limit.empty()) spec.memory_limit_bytes = parse_bytes(globals.memory_limit);
  if (spec.memory_limit_bytes) limit_memory(*spec.memory_limit_bytes);
  if (!globals.snapshot.empty()) spec.snapshot_folder = globals.snapshot;
  return spec;
}

void tell_warnings(const JobSpec& spec, Globals& globals) {
  for (const std::string& warning : spec.warnings) globals.console.warning("{}", warning);
}

void tell_unused_config(Globals& globals) {
  std::string names;
  for (const std::string& set : globals.sets) {
    const std::string path = set.substr(0, set.find('='));
    const bool config = path == "config" || path.starts_with("config.");
    if (!config || path == "config.visible_until" || path == "config.threads" || path == "config.inference" ||
        path == "config.memory_limit" || path == "config.precision" || path == "config.device")
      continue;
    names += (names.empty() ? "" : ", ") + path;
  }
  if (!names.empty())
    globals.console.warning(
        "--set {}: not used, the configuration is the model's own; here config.visible_until, "
        "config.threads, config.memory_limit, config.inference, config.precision and config.device count",
        names);
}

}  // namespace rle

extern "C" __attribute__((visibility("default"))) int rle_main(int argc, char** argv) {
  return rle::run(argc, argv);
}
