// rle engines: the engines of a host.
#include <memory>

#include "apps/app.h"
#include "apps/host_address.h"

namespace rle {
namespace {

using Json = nlohmann::ordered_json;

struct EngineArguments {
  HostFlags host;
  std::string name, size;
  int auto_suspend_minutes = -1;  // 0: never; -1: as the host does
  bool force = false;
};

std::string path_of(const EngineArguments& arguments) {
  return "/v1/engines/" + percent_encoded(arguments.name);
}

std::vector<std::string> row_of(const Json& engine) {
  return {shown_member(engine, "name"), shown_member(engine, "state"), shown_member(engine, "size")};
}

void tell(const Json& engine, Globals& globals) {
  if (globals.json) return globals.console.print_json(engine);
  globals.console.print(text_table({{"NAME", "STATE", "SIZE"}, row_of(engine)}));
}

void list(const EngineArguments& arguments, Globals& globals) {
  const Json answer = HostApi(arguments.host).call("GET", "/v1/engines");
  if (globals.json) return globals.console.print_json(answer);
  std::vector<std::vector<std::string>> rows{{"NAME", "STATE", "SIZE"}};
  for (const Json& engine : answer.at("engines")) rows.push_back(row_of(engine));
  globals.console.print(text_table(rows));
}

void create(const EngineArguments& arguments, Globals& globals) {
  Json body{{"name", arguments.name}};
  if (!arguments.size.empty()) body["size"] = arguments.size;
  if (arguments.auto_suspend_minutes >= 0)
    body["settings"]["auto_suspend_mins"] =
        arguments.auto_suspend_minutes == 0 ? Json(nullptr) : Json(arguments.auto_suspend_minutes);
  tell(HostApi(arguments.host).call("POST", "/v1/engines", body), globals);
}

void remove(const EngineArguments& arguments, Globals& globals) {
  HostApi(arguments.host).call("DELETE", path_of(arguments) + (arguments.force ? "?force=true" : ""));
  if (globals.json) return globals.console.print_json({{"deleted", arguments.name}});
  globals.console.info("{}: deleted", arguments.name);
}

void change(const char* verb, const EngineArguments& arguments, Globals& globals) {
  tell(HostApi(arguments.host)
           .call("POST", path_of(arguments) + "/" + verb + (arguments.force ? "?force=true" : "")),
       globals);
}

}  // namespace

void add_engines(CLI::App& app, Globals& globals) {
  CLI::App* command =
      app.add_subcommand("engines", "the engines of a host: list, create, resume, suspend, delete");
  command->require_subcommand(0, 1);
  auto arguments = std::make_shared<EngineArguments>();
  add_host_options(*command, arguments->host);
  const auto choose = [arguments, &globals](auto action) {
    return [arguments, &globals, action] {
      globals.chosen = [arguments, &globals, action] { action(*arguments, globals); };
    };
  };
  const auto add = [&](const char* name, const char* help, bool named, auto action) {
    CLI::App* sub = command->add_subcommand(name, help)->fallthrough();
    if (named) sub->add_option("NAME", arguments->name, "the engine's name")->required();
    sub->callback(choose(action));
    return sub;
  };
  command->callback([command, chosen = choose(list)] {
    if (command->get_subcommands().empty()) chosen();
  });
  add("list", "all engines (the default)", false, list);
  CLI::App* made = add("create", "make an engine", true, create);
  made->add_option("--size", arguments->size, "a size of the host's table (sizes.json)");
  made->add_option("--auto-suspend", arguments->auto_suspend_minutes, "minutes without a job; 0: never")
      ->check(CLI::Range(0, 1'000'000));
  add("resume", "SUSPENDED to READY", true,
      [](const EngineArguments& a, Globals& g) { change("resume", a, g); });
  const char* force = "cancel its queued and running jobs first";
  add("suspend", "READY to SUSPENDED", true, [](const EngineArguments& a, Globals& g) {
    change("suspend", a, g);
  })->add_flag("--force", arguments->force, force);
  add("delete", "delete an engine", true, remove)->add_flag("--force", arguments->force, force);
}

}  // namespace rle
