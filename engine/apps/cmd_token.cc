// rle token: the bearer token of a host on this machine.
#include <memory>

#include "apps/app.h"
#include "apps/host_address.h"
#include "server/token.h"

namespace rle {

void add_token(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("token", "the token of a host on this machine: show, rotate");
  command->require_subcommand(1);
  auto folder = std::make_shared<std::string>();
  command->add_option("--state", *folder, "the host's state folder")->type_name("DIR");
  const auto add = [&](const char* name, const char* help,
                       std::string (*action)(const std::filesystem::path&)) {
    command->add_subcommand(name, help)->fallthrough()->callback([folder, action, &globals] {
      globals.chosen = [folder, action, &globals] {
        const std::filesystem::path state =
            folder->empty() ? default_state_folder() : std::filesystem::path(*folder);
        const std::string token = action(state / "token");
        if (globals.json) return globals.console.print_json({{"token", token}});
        globals.console.print(token);
      };
    });
  };
  add("show", "print it", Token::read);
  add("rotate", "make another one; the host takes it within a second and refuses the former", Token::rotate);
}

}  // namespace rle
