// rle inspect: what the tables and labels of a specification look like.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "apps/app.h"
#include "base/error.h"
#include "job/inspect.h"

namespace rle {
namespace {

void write_text(const std::string& file, const std::string& text) {
  errno = 0;
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  if (!stream) fail(ErrorCode::kIo, "{}: cannot be written: {}", file, std::strerror(errno));
}

void run(const std::string& file, const std::string& dot, Globals& globals) {
  const JobSpec spec = load_spec(file, globals);
  if (!dot.empty() && std::filesystem::exists(std::filesystem::symlink_status(dot)))
    fail(ErrorCode::kSpec, "--dot {}: exists already and is left as it is; name a new file", dot);
  ThreadPool pool(spec.threads > 0 ? spec.threads : available_cpus());
  const Inspection inspection = inspect(spec, pool, globals.console, &globals.cancel);
  if (!dot.empty()) write_text(dot, graphviz_picture(inspection));
  if (globals.json)
    globals.console.print_json(inspection_json(inspection));
  else
    globals.console.print(inspection_text(inspection));
}

}  // namespace

void add_inspect(CLI::App& app, Globals& globals) {
  CLI::App* command =
      app.add_subcommand("inspect", "tables, dtypes, keys, times and labels of a specification");
  auto file = std::make_shared<std::string>(), dot = std::make_shared<std::string>();
  command->add_option("SPEC", *file, "the specification, YAML or JSON")->required();
  command->add_option("--dot", *dot, "write the schema as a Graphviz picture to this file")
      ->type_name("FILE");
  command->callback(
      [file, dot, &globals] { globals.chosen = [file, dot, &globals] { run(*file, *dot, globals); }; });
}

}  // namespace rle
