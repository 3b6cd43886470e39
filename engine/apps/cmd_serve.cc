// rle serve: the engine host, until it is told to stop.
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <thread>

#include "apps/app.h"
#include "apps/host_address.h"
#include "base/file.h"
#include "http/server.h"
#include "server/host_service.h"
#include "server/private_file.h"

namespace rle {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds kGrace{700};
constexpr std::chrono::seconds kLongestStop{12};

struct ServeArguments {
  std::string state_folder, listen = "127.0.0.1:0", certificate, key, log;
  std::vector<std::string> data_roots;
  bool insecure_public = false;
  int64_t keep_jobs = 10'000, keep_days = 90;
  double idle_minutes = 0;
};

int g_wake = -1;  // a signal handler has no other way to reach it
pid_t g_host = 0;

// Runs in a child too, when it is canceled between its fork and its exec, where the pipe is still the host's.
extern "C" void on_stop_signal(int signal) {
  if (getpid() != g_host) {
    std::signal(signal, SIG_DFL);
    raise(signal);
    return;
  }
  const int kept = errno;
  [[maybe_unused]] const ssize_t written = ::write(g_wake, "s", 1);
  errno = kept;
}

// A descriptor that can be read once SIGTERM, SIGINT or SIGHUP came.
int catch_stop_signals() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) fail(ErrorCode::kIo, "the system gives no pipe");
  g_wake = ends[1];
  g_host = getpid();
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaction(signal, &action, nullptr);
  return ends[0];
}

std::pair<std::string, uint16_t> split_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  const bool digits =
      !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || std::stoi(port) > 65535 || colon == 0)
    fail(ErrorCode::kSpec, "--listen {}: expected HOST:PORT, such as 127.0.0.1:8472 (port 0: a free one)",
         text);
  return {text.substr(0, colon), static_cast<uint16_t>(std::stoi(port))};
}

void check_exposure(const ServeArguments& arguments, const std::string& address) {
  const bool tls = !arguments.certificate.empty();
  if (tls != !arguments.key.empty())
    fail(ErrorCode::kSpec, "--tls-certificate and --tls-key belong together; give both, or none");
  if (!is_loopback(address) && !tls && !arguments.insecure_public)
    fail(ErrorCode::kSpec,
         "--listen {}: other machines reach this address, and the token would cross the network as plain "
         "text; "
         "give --tls-certificate and --tls-key, or --insecure-public if something else encrypts",
         arguments.listen);
}

fs::path make_state_folder(const ServeArguments& arguments) {
  const fs::path folder = fs::absolute(arguments.state_folder.empty() ? default_state_folder()
                                                                      : fs::path(arguments.state_folder));
  std::error_code error;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  if (!error && mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    error = std::error_code(errno, std::generic_category());
  if (error) fail(ErrorCode::kIo, "{}: can't be made ({})", folder.string(), error.message());
  return folder;
}

std::vector<fs::path> data_roots(const ServeArguments& arguments) {
  std::vector<fs::path> roots;
  for (const std::string& text : arguments.data_roots) {
    std::error_code error;
    const fs::path root = fs::canonical(text, error);
    if (error || !fs::is_directory(root)) fail(ErrorCode::kSpec, "--data-root {}: no such folder", text);
    roots.push_back(root);
  }
  return roots;
}

// The command line that starts this program: RLE_SELF, a list in JSON, where another program hosts the
// library.
std::vector<std::string> own_command() {
  if (const char* text = std::getenv("RLE_SELF"); text && *text) {
    const Json list = Json::parse(text, nullptr, false);
    const bool texts =
        list.is_array() && !list.empty() &&
        std::all_of(list.begin(), list.end(), [](const Json& item) { return item.is_string(); });
    if (!texts) fail(ErrorCode::kSpec, "RLE_SELF: expected a list of texts in JSON, found {}", text);
    return list.get<std::vector<std::string>>();
  }
  return {fs::read_symlink("/proc/self/exe").string()};
}

std::string user_name() {
  char buffer[4096];
  passwd entry{}, *found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found) return found->pw_name;
  return fmt::format("uid {}", geteuid());
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  setrlimit(RLIMIT_NOFILE, &limit);
}

bool has_work(const Host& host) {
  for (const auto& [state, count] : host.metrics().jobs_by_state)
    if ((state == "QUEUED" || state == "RUNNING") && count > 0) return true;
  return false;
}

// Until a signal comes, or nobody has wanted anything for so long.
void wait_for_end(int signals, const ServeArguments& arguments, const HostService& service, const Host& host,
                  HostLog& log) {
  for (;;) {
    pollfd wanted{signals, POLLIN, 0};
    if (poll(&wanted, 1, 1000) > 0) return log.info("stopping: told to by a signal");
    const double longest = arguments.idle_minutes * 60;
    if (longest > 0 && service.seconds_idle() > longest && !has_work(host))
      return log.info(fmt::format("stopping: no job and no request for {} minutes", arguments.idle_minutes));
  }
}

// Whatever hangs, the process ends; what it acknowledged is kept.
void end_in_time() {
  std::thread([] {
    std::this_thread::sleep_for(kLongestStop - std::chrono::milliseconds(500));
    std::_Exit(1);
  }).detach();
}

HostLog::Form log_form(const ServeArguments& arguments) {
  if (arguments.log.empty()) return isatty(STDERR_FILENO) ? HostLog::Form::kText : HostLog::Form::kJson;
  return arguments.log == "text" ? HostLog::Form::kText : HostLog::Form::kJson;
}

Json running_host(const HostService& service, const Host& host) {
  const Json about = host.about();
  Json out{{"url", service.url()}, {"pid", getpid()}};
  for (const char* name : {"version", "api", "started_at"})
    if (about.contains(name)) out[name] = about[name];
  return out;
}

void serve(const ServeArguments& arguments, Globals& globals) {
  const auto [address, port] = split_address(arguments.listen);
  check_exposure(arguments, address);
  raise_descriptor_limit();
  const fs::path folder = make_state_folder(arguments);
  Host host({.state_folder = folder,
             .data_roots = data_roots(arguments),
             .self = own_command(),
             .keep_jobs = arguments.keep_jobs,
             .keep_days = arguments.keep_days,
             .now_us = {}});
  HostLog log(log_form(arguments));
  HostService service(host, log,
                      {address, port, arguments.certificate, arguments.key, folder / "token", user_name()});
  const Descriptor signals(catch_stop_signals());
  host.start();
  service.start();
  const Json about = running_host(service, host);
  replace_private_file(folder / "host.json", about.dump(2) + "\n");
  log.info(fmt::format("listening on {}, state in {}", service.url(), folder.string()));
  if (globals.json) {
    globals.console.print_json(about);
    globals.console.flush();
  }
  wait_for_end(signals.get(), arguments, service, host, log);
  end_in_time();
  std::error_code ignored;
  fs::remove(folder / "host.json", ignored);
  service.stop(kGrace);
  host.stop();
  log.info("stopped");
}

}  // namespace

void add_serve(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("serve", "the engine host: keeps engines and runs jobs, over HTTP");
  auto arguments = std::make_shared<ServeArguments>();
  command
      ->add_option("--state", arguments->state_folder,
                   "the folder of its state (default: ~/.local/state/gnn-rle)")
      ->type_name("DIR");
  command->add_option("--listen", arguments->listen, "the address (default: 127.0.0.1:0; port 0: a free one)")
      ->type_name("HOST:PORT");
  command
      ->add_option("--data-root", arguments->data_roots,
                   "sources and outputs are inside this folder (repeatable; default: all that you may read)")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command->add_option("--tls-certificate", arguments->certificate, "its certificate, PEM")->type_name("FILE");
  command->add_option("--tls-key", arguments->key, "the certificate's key, PEM")->type_name("FILE");
  command->add_flag("--insecure-public", arguments->insecure_public,
                    "listen on a public address without TLS: the token crosses the network as plain text");
  command->add_option("--keep-jobs", arguments->keep_jobs, "records of finished jobs that are kept (10000)")
      ->check(CLI::Range(1, 10'000'000));
  command->add_option("--keep-days", arguments->keep_days, "and for how long (90)")
      ->check(CLI::Range(1, 36'500));
  command
      ->add_option("--idle-minutes", arguments->idle_minutes, "end after so long without a job and a request")
      ->check(CLI::Range(0.0, 1e6));
  command->add_option("--log", arguments->log, "text or json (default: text on a terminal)")
      ->check(CLI::IsMember({"text", "json"}));
  command->callback(
      [arguments, &globals] { globals.chosen = [arguments, &globals] { serve(*arguments, globals); }; });
}

}  // namespace rle
