#include "job/job_process.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "ingest/duckdb_session.h"
#include "job/run_request.h"

namespace rle {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kLockFile = "lock";
constexpr auto kLockPause = std::chrono::milliseconds(20);
constexpr int kLockAttempts = 500;  // ten seconds

CancelToken g_stop;  // a signal handler has no other way to reach it

extern "C" void on_terminate(int) { g_stop.request(); }

void handle_signals() {
  struct sigaction action {};
  action.sa_handler = on_terminate;
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

std::string read_all(int descriptor) {
  std::string out;
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return out;
    out.append(buffer, static_cast<size_t>(got));
  }
}

// Held while the process lives: an attempt begins when nothing is left of the one before.
class JobLock {
 public:
  explicit JobLock(const fs::path& job_folder) {
    if (job_folder.empty()) return;
    std::error_code error;
    fs::create_directories(job_folder, error);
    descriptor_.reset(::open((job_folder / kLockFile).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (descriptor_.get() < 0)
      fail(ErrorCode::kIo, "the job's folder '{}' cannot be written", job_folder.string());
    for (int attempt = 0; ::flock(descriptor_.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
      if (attempt == kLockAttempts)
        fail(ErrorCode::kIo, "a former attempt of the job still works in '{}'", job_folder.string());
      std::this_thread::sleep_for(kLockPause);
    }
  }

 private:
  Descriptor descriptor_;
};

std::string_view problem_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kSpec:
      return "invalid-specification";
    case ErrorCode::kData:
      return "data";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kNumeric:
      return "numeric";
    default:
      return "internal";
  }
}

int tell_error(EventReport& report, std::string_view name, const std::string& detail,
               const std::string& field, const std::string& advice = "") {
  report.event("error", {{"name", name}, {"detail", detail}, {"field", field}, {"advice", advice}});
  return 1;
}

// A view of a database may name any file.
void confine(const JobRequest& request) {
  std::vector<fs::path> folders = request.data_roots;
  if (folders.empty()) return;
  if (!request.file.empty()) folders.push_back(request.file.parent_path());
  ingest::confine_duckdb(std::move(folders));
}

int run(const JobRequest& request, const KillPoint& kill_point, EventReport& report) {
  try {
    const JobLock lock(request.job_folder);
    confine(request);
    if (request.memory_limit_bytes) limit_memory(*request.memory_limit_bytes);
    if (kill_point) kill_point("started");
    Json result = run_request(request, {report, g_stop, kill_point});
    if (kill_point) kill_point("before-result");
    report.event("result", std::move(result));
    return 0;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInterrupted)
      return tell_error(report, problem_name(error.code()), error.what(), error.field());
    report.event("stopped", {{"text", error.what()}});
    return 0;
  } catch (const std::bad_alloc&) {
    return tell_error(
        report, "out-of-memory", "out of memory", "",
        "give the engine a size with a higher memory limit, or use fewer columns, a smaller batch "
        "or smaller fanouts");
  } catch (const std::exception& unexpected) {
    return tell_error(report, "internal",
                      fmt::format("a mistake of the program itself: {}", unexpected.what()), "");
  }
}

}  // namespace

int run_job_process(int input, int events, const KillPoint& kill_point) {
  handle_signals();
  const std::string document = read_all(input);
  try {
    const JobRequest request = parse_job_request(document);
    EventReport report(events, request.attempt);
    const bool runs_job = !request.job_folder.empty() && request.action != JobAction::kSettle;
    return run(request, runs_job ? kill_point : KillPoint(), report);
  } catch (const std::exception& error) {
    EventReport report(events, 0);
    return tell_error(report, "internal", error.what(), "");
  }
}

}  // namespace rle
