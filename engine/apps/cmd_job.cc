// rle job: what the engine host starts for each job. Not for people.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "apps/app.h"
#include "job/job_process.h"

namespace rle {
namespace {

constexpr int kEventDescriptor = 3;

}  // namespace

void add_job(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("job", "run one job of the engine host, read from standard input");
  command->group("");  // not in the help
  command->callback([&globals] {
    globals.chosen = [] {
      const bool host = ::fcntl(kEventDescriptor, F_GETFD) >= 0;
      const int code = run_job_process(STDIN_FILENO, host ? kEventDescriptor : STDOUT_FILENO);
      std::_Exit(code);  // all is written; nothing that a killed process would not leave either
    };
  });
}

}  // namespace rle
