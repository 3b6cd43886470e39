// rle jobs, rle cancel: the jobs of a host.
#include <memory>

#include "apps/app.h"
#include "apps/host_address.h"

namespace rle {
namespace {

using Json = nlohmann::ordered_json;

struct JobArguments {
  HostFlags host;
  std::string id, state, engine, kind;
  int limit = 20;
};

std::string progress_of(const Json& job) {
  const auto progress = job.find("progress");
  if (progress == job.end() || !progress->is_object() || !progress->contains("epoch")) return "-";
  return fmt::format("{}/{}", shown_member(*progress, "epoch"), shown_member(*progress, "epochs"));
}

void list(const JobArguments& arguments, Globals& globals) {
  std::string target = fmt::format("/v1/jobs?limit={}", arguments.limit);
  for (const auto& [name, value] :
       {std::pair{"state", arguments.state}, {"engine", arguments.engine}, {"kind", arguments.kind}})
    if (!value.empty()) target += fmt::format("&{}={}", name, percent_encoded(value));
  const Json answer = HostApi(arguments.host).call("GET", target);
  if (globals.json) return globals.console.print_json(answer);
  std::vector<std::vector<std::string>> rows{{"JOB", "KIND", "STATE", "ENGINE", "EPOCH", "CREATED"}};
  for (const Json& job : answer.at("jobs"))
    rows.push_back({shown_member(job, "id"), shown_member(job, "kind"), shown_member(job, "state"),
                    shown_member(job, "engine"), progress_of(job),
                    shown_member(job, "created_at").substr(0, 19)});
  globals.console.print(text_table(rows));
}

void show(const JobArguments& arguments, Globals& globals) {
  if (arguments.id.empty()) return list(arguments, globals);
  globals.console.print_json(
      HostApi(arguments.host).call("GET", "/v1/jobs/" + percent_encoded(arguments.id)));
}

void cancel(const JobArguments& arguments, Globals& globals) {
  const Json job =
      HostApi(arguments.host).call("POST", "/v1/jobs/" + percent_encoded(arguments.id) + "/cancel");
  if (globals.json) return globals.console.print_json(job);
  globals.console.print(fmt::format(
      "{} {}", shown_member(job, "id"),
      shown_member(job, "state") == "RUNNING" ? "is being canceled" : shown_member(job, "state")));
}

}  // namespace

void add_jobs(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("jobs", "the jobs of a host, newest first, or one of them");
  auto arguments = std::make_shared<JobArguments>();
  add_host_options(*command, arguments->host);
  command->add_option("JOB", arguments->id, "one job, with all that is known of it");
  command->add_option("--status", arguments->state, "those that are QUEUED, RUNNING, COMPLETED, ...");
  command->add_option("--engine", arguments->engine, "those of an engine");
  command->add_option("--kind", arguments->kind, "fit, predict or fit_predict");
  command->add_option("--limit", arguments->limit, "how many at most (20)")->check(CLI::Range(1, 1000));
  command->callback(
      [arguments, &globals] { globals.chosen = [arguments, &globals] { show(*arguments, globals); }; });
}

void add_cancel(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("cancel", "cancel a job of a host");
  auto arguments = std::make_shared<JobArguments>();
  add_host_options(*command, arguments->host);
  command->add_option("JOB", arguments->id, "the job's id")->required();
  command->callback(
      [arguments, &globals] { globals.chosen = [arguments, &globals] { cancel(*arguments, globals); }; });
}

}  // namespace rle
