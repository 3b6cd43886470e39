// Where the host is that a command speaks to, and its token.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "http/client.h"

namespace rle {

// $XDG_STATE_HOME/gnn-rle, else ~/.local/state/gnn-rle. Error{kSpec}: there is no home.
std::filesystem::path default_state_folder();

struct HostFlags {
  std::string url, token_file, state_folder, authorities;
};

// --host, --token-file, --state, --certificate.
void add_host_options(CLI::App& command, HostFlags& flags);

// The host's routes, for one command. Answers that are problems become Error: kSpec where the request was
// wrong, kIo for the rest.
class HostApi {
 public:
  // The host of --host, RLE_HOST, or host.json in the state folder; its token of --token-file, RLE_TOKEN, or
  // that folder. Error{kSpec}: none is named, none runs.
  explicit HostApi(const HostFlags& flags);

  nlohmann::ordered_json call(const std::string& method, const std::string& target,
                              const nlohmann::ordered_json& body = nullptr) const;
  void lines(const std::string& target, const std::function<bool(std::string_view)>& line) const;
  const std::string& url() const { return url_; }

 private:
  std::string url_;
  std::unique_ptr<HttpClient> client_;
};

// Text as a part of a path or a query.
std::string percent_encoded(std::string_view text);

// Rows of text as a table with a line of names; nothing but the names where there are none.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

// A member as text: "-" for null.
std::string shown_member(const nlohmann::ordered_json& object, const char* name);

}  // namespace rle
