// rle logs: what a job of a host tells.
#include <memory>

#include "apps/app.h"
#include "apps/job_follow.h"

namespace rle {

void add_logs(CLI::App& app, Globals& globals) {
  CLI::App* command =
      app.add_subcommand("logs", "what a job of a host tells; --json: its events, a line each");
  auto flags = std::make_shared<HostFlags>();
  auto job = std::make_shared<std::string>();
  auto follow = std::make_shared<bool>(false);
  add_host_options(*command, *flags);
  command->add_option("JOB", *job, "the job's id")->required();
  command->add_flag("--follow,-f", *follow, "go on until it is done");
  command->callback([=, &globals] {
    globals.chosen = [=, &globals] { print_events(HostApi(*flags), *job, *follow, globals); };
  });
}

}  // namespace rle
