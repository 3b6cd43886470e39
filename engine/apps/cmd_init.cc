// rle init: proposes a specification for a folder of tables or a .duckdb file.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "apps/app.h"
#include "base/error.h"
#include "job/propose.h"

namespace rle {
namespace {

namespace fs = std::filesystem;

// The folder's own name, as a dataset's.
std::string dataset_name(const fs::path& folder) {
  fs::path path = fs::absolute(folder).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  const std::string name = fs::is_directory(path) ? path.filename().string() : path.stem().string();
  return name.empty() ? "data" : name;
}

void write_new(const std::string& file, const std::string& text) {
  if (fs::exists(fs::symlink_status(file)))
    fail(ErrorCode::kSpec, "--output {}: exists already and is left as it is; name a new file", file);
  errno = 0;
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) fail(ErrorCode::kIo, "{}: cannot be written: {}", file, std::strerror(errno));
}

void run(const std::string& folder, const std::string& output, Globals& globals) {
  if (!globals.snapshot.empty())
    fail(ErrorCode::kSpec,
         "--snapshot: `rle init` keeps none; leave it out, or set data.snapshot in the specification");
  if (!globals.memory_limit.empty())
    fail(ErrorCode::kSpec,
         "--memory-limit: `rle init` has no limit; leave it out, or set config.memory_limit in the "
         "specification");
  std::vector<ProposedTable> tables = read_candidates(folder, globals.console, &globals.cancel);
  propose_keys(tables);
  const fs::path from = output.empty() ? fs::path(".") : fs::path(output).parent_path();
  const fs::path source =
      fs::path(folder).is_absolute() ? fs::path(folder) : fs::proximate(folder, from.empty() ? "." : from);
  const std::string text = proposal_yaml(dataset_name(folder), source.string(), tables);
  if (!output.empty()) {
    write_new(output, text);
    globals.console.info("{}: written; look at it with `rle inspect {}`", output, output);
  } else if (globals.json) {
    globals.console.print_json({{"specification", text}});
  } else {
    globals.console.print(text);
  }
}

}  // namespace

void add_init(CLI::App& app, Globals& globals) {
  CLI::App* command =
      app.add_subcommand("init", "propose a specification for a folder of tables or a .duckdb file");
  auto folder = std::make_shared<std::string>(), output = std::make_shared<std::string>();
  command->add_option("FOLDER", *folder, "a folder with .parquet, .csv or .json files, or a .duckdb file")
      ->required();
  command->add_option("--output,-o", *output, "write it to this new file instead of standard output")
      ->type_name("SPEC");
  command->callback([folder, output, &globals] {
    globals.chosen = [folder, output, &globals] { run(*folder, *output, globals); };
  });
}

}  // namespace rle
