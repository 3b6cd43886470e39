#include "apps/host_address.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "server/token.h"

namespace rle {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string url_of_running(const fs::path& folder) {
  const fs::path file = folder / "host.json";
  std::ifstream in(file);
  const Json document = Json::parse(in, nullptr, false);
  if (!in || !document.is_object() || !document.contains("url") || !document["url"].is_string())
    fail(ErrorCode::kSpec, "{}: no host runs there; start one with `rle serve`, or name it with --host URL",
         folder.string());
  return document["url"].get<std::string>();
}

[[noreturn]] void fail_with(const Response& answer) {
  const Json problem = Json::parse(answer.body, nullptr, false);
  std::string text = fmt::format("the host answers {}", answer.status);
  if (problem.is_object()) {
    text = problem.value("detail", text);
    if (problem.contains("field")) text = fmt::format("{}: {}", problem.value("field", ""), text);
    if (problem.contains("advice")) text += "; " + problem.value("advice", "");
  }
  fail(answer.status < 500 ? ErrorCode::kSpec : ErrorCode::kIo, "{}", text);
}

}  // namespace

fs::path default_state_folder() {
  if (const std::string state = environment("XDG_STATE_HOME"); !state.empty())
    return fs::path(state) / "gnn-rle";
  const std::string home = environment("HOME");
  if (home.empty()) fail(ErrorCode::kSpec, "there is no home folder (HOME); name the state with --state DIR");
  return fs::path(home) / ".local/state/gnn-rle";
}

void add_host_options(CLI::App& command, HostFlags& flags) {
  command
      .add_option("--host", flags.url, "the host (default: RLE_HOST, else the one that runs on this machine)")
      ->type_name("URL");
  command
      .add_option("--token-file", flags.token_file, "its token (default: RLE_TOKEN, else the state folder's)")
      ->type_name("FILE");
  command.add_option("--state", flags.state_folder, "the state folder of a host on this machine")
      ->type_name("DIR");
  command
      .add_option("--certificate", flags.authorities, "certificates to trust instead of the system's, PEM")
      ->type_name("FILE");
}

HostApi::HostApi(const HostFlags& flags) {
  const auto folder = [&] {
    return flags.state_folder.empty() ? default_state_folder() : fs::path(flags.state_folder);
  };
  url_ = flags.url;
  const bool of_folder = url_.empty() && !flags.state_folder.empty();
  if (url_.empty() && !of_folder) url_ = environment("RLE_HOST");
  if (url_.empty()) url_ = url_of_running(folder());
  std::string token = of_folder || !flags.token_file.empty() ? "" : environment("RLE_TOKEN");
  if (token.empty())
    token = Token::read(flags.token_file.empty() ? folder() / "token" : fs::path(flags.token_file));
  ClientOptions options;
  options.url = url_;
  options.token = token;
  options.authorities = flags.authorities;
  client_ = std::make_unique<HttpClient>(options);
}

Json HostApi::call(const std::string& method, const std::string& target, const Json& body) const {
  const Response answer =
      body.is_null() ? client_->request(method, target)
                     : client_->request(method, target, body.dump(), {{"Content-Type", "application/json"}});
  if (answer.status >= 300) fail_with(answer);
  if (answer.body.empty()) return nullptr;
  Json document = Json::parse(answer.body, nullptr, false);
  if (document.is_discarded()) fail(ErrorCode::kIo, "{}{}: the answer is no JSON", url_, target);
  return document;
}

void HostApi::lines(const std::string& target, const std::function<bool(std::string_view)>& line) const {
  const Response answer = client_->lines(target, {}, line);
  if (answer.status >= 300) fail_with(answer);
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~')
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

std::string text_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      if (i == widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    out += (out.empty() ? "" : "\n") + line;
  }
  return out;
}

std::string shown_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return "-";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace rle
