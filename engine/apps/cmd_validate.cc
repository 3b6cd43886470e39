// rle validate: everything that the specification alone can tell.
#include <memory>

#include "apps/app.h"

namespace rle {

void add_validate(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("validate", "check a specification without reading data");
  auto file = std::make_shared<std::string>();
  command->add_option("SPEC", *file, "the specification, YAML or JSON")->required();
  command->callback([file, &globals] {
    globals.chosen = [file, &globals] {
      const JobSpec spec = load_spec(*file, globals);
      tell_warnings(spec, globals);
      if (globals.json) {
        globals.console.print_json(
            {{"valid", true}, {"dataset", spec.dataset_name}, {"tables", spec.table_names()}});
        return;
      }
      globals.console.print(fmt::format("{}: valid ({} tables, {})", *file, spec.tables.size(),
                                        spec.task ? "task " + spec.task->name : "no task"));
    };
  });
}

}  // namespace rle
